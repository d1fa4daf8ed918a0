"""No bytes upset a connection of the control protocol."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.reply import Announcement, Comment, Failure, Success, parse_reply
from tests.protocols.control.offline import Offline

VERBS = (
    "help caps whoami ping quit hello list status show run start stop restart kill delete wait log cancel attach exec"
)
WORDS = [*VERBS.split(), "resize", "subscribe", "unsubscribe", "shutdown", "web", "1", "22", "--", "/w", "mode=frame"]
WORDS += [
    "mode=raw",
    "wait=none",
    "timeout=0",
    "follow=yes",
    "lines=1",
    "since=7f3a91:1",
    '"',
    '"a b"',
    "x=",
    "\\",
    "\t",
]
line = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join).map(str.encode)
pieces = st.lists(st.one_of(st.binary(max_size=40), line, st.just(b"\n"), st.just(b"\nping\n"), st.just(b"y" * 5000)))


@given(pieces, st.booleans())
def test_any_bytes(sent: list[bytes], closes: bool) -> None:
    """Whatever is sent, what comes back is lines of the protocol, and nothing is left when the client goes."""
    offline = Offline()
    received = b""
    is_stream = False
    for piece in sent:
        if offline.socket.disconnecting or offline.socket.is_aborted:
            break
        offline.send(piece)
        data = offline.socket.read_all()
        is_stream = is_stream or b" mode=" in data
        if not is_stream:
            received += data
    if closes and not offline.socket.disconnecting:
        offline.protocol.readConnectionLost()
        if not is_stream:
            received += offline.socket.read_all()
    if not is_stream:
        assert received == b"" or received.endswith(b"\n")
        found = [parse_reply(each) for each in received.decode().split("\n")[:-1]]
        assert all(len(each) < MAX_LINE for each in received.split(b"\n"))
        codes = {each.code for each in found if isinstance(each, Failure)}
        assert "INTERNAL" not in codes
        assert all(not isinstance(each, Comment) for each in found)
        assert len([each for each in found if isinstance(each, Success | Announcement)]) <= len(found)
    offline.lose()
