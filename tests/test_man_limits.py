"""The table of LIMITS in runjd(8) has the numbers of the code."""

import re
from pathlib import Path

import pytest

from runjd.policy.descriptors import CONNECTIONS, OF_PROCESS, OWN, share_out
from runjd.policy.settings import LogRule
from runjd.protocols.attach import MAX_FRAME
from runjd.protocols.control.hall import MAX_IN_FLIGHT, Limits
from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.outlet import MAX_EVENTS
from runjd.protocols.control.streams import MAX_EARLY
from runjd.protocols.control.verbs.log import PAGE
from runjd.protocols.control.verbs.scrollback import MAX_SCROLLBACK
from runjd.protocols.jailinput import HIGH_WATER, LIMIT
from runjd.protocols.jailoutput import READ_SIZE
from runjd.supervise import acks, execends
from runjd.supervise.slack import EVERY

PAGE_TEXT = (Path(__file__).parent.parent / "man/runjd.8").read_text()
SECTION = re.search(r"^\.Sh LIMITS\n(.*?)(?=^\.Sh )", PAGE_TEXT, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize(
    ("what", "size"),
    [
        ("an output of a jail", READ_SIZE),
        ("an unfinished line", LogRule().line_limit),
        ("the input of a process", HIGH_WATER),
        ("output before the answer", MAX_EARLY),
        ("a scrollback", MAX_SCROLLBACK),
        ("a frame that is incomplete", MAX_FRAME),
        ("a request", MAX_LINE),
        ("events for a client", MAX_EVENTS),
        ("a log that is read", PAGE),
    ],
)
def test_sizes(what, size):
    """What is held, in KiB."""
    row = re.search(rf"^\.It {what} Ta (.*?) Ta ", SECTION, re.MULTILINE)[1]
    assert f"{size // 1024} KiB" in row


def test_numbers():
    """Counts, and how descriptors are shared out."""
    limits = Limits()
    assert limits.connections == CONNECTIONS
    for text in (
        f"beyond {LIMIT >> 20} MiB",
        f"requests in flight Ta {MAX_IN_FLIGHT} a connection",
        f"ends of exec processes Ta {execends.REMEMBERED} Ta",
        f"ends that the keeper was told to forget Ta {acks.REMEMBERED} Ta",
        {10: "gives back to the kernel each ten seconds"}[EVERY],
        f"connections Ta {limits.connections}, of one user {limits.connections_of_user} Ta",
        f"\n{OWN} are its own; a third, but at most {2 * CONNECTIONS},",
        f"{share_out(1024).processes} processes with a limit of 1024",
        {6: "six each"}[OF_PROCESS],
    ):
        assert text in SECTION, text
