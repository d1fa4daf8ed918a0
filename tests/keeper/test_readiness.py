"""What a program tells by that it is ready: it is held for the daemon until that knows."""

import os
import sys

import pytest

from runjd.keeper import messages
from tests.keeper.running import RunningKeeper

_SEND = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sys.stdin.readline()
s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
sys.stdin.readline()
"""


@pytest.mark.parametrize("number", [3, 5, 9])
def test_a_newline_arrives_on_the_number_that_was_agreed_on(keeper: RunningKeeper, number: int) -> None:
    """The program finds one more descriptor, and no other; what it writes comes to the daemon."""
    daemon = keeper.greeted()
    script = f"echo >&{number}; echo $(ls /proc/self/fd)"

    daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", script), ready=f"fd:{number}")

    assert daemon.read("web", 1, stream="ready") == b"\n"
    assert daemon.exit("web")["status"] == 0
    # the first free one is the directory that ls reads
    assert daemon.read("web", 10).split() == sorted(
        {b"0", b"1", b"2", b"%d" % number, b"%d" % (3 if number > 3 else 4)}
    )


def test_the_descriptor_outlives_daemon_and_keeper(keeper: RunningKeeper) -> None:
    """A program that tells it while nobody reads does not die of it; the next daemon of the next keeper is told."""
    daemon = keeper.greeted()
    script = "read go; echo >&4; echo told; exec sleep 1000"
    daemon.run("web", keeper.bundle("web", "/bin/sh", "-c", script), ready="fd:4", stdin=True)
    daemon.close()
    keeper.kill()  # which ends its standard input, too
    keeper.start()

    daemon = keeper.daemon()
    daemon.greet()

    assert daemon.read("web", 5) == b"told\n"
    assert daemon.read("web", 1, stream="ready") == b"\n"


@pytest.mark.root
def test_the_descriptor_belongs_to_the_user_of_the_program(keeper: RunningKeeper) -> None:
    """Not to us: the program can open it again by /dev/fd."""
    daemon = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/sh", "-c", "echo > /dev/fd/3", user={"uid": 65534, "gid": 65534})

    daemon.run("web", bundle, ready="fd:3")

    assert daemon.read("web", 1, stream="ready") == b"\n"
    assert os.fstat(daemon.open["web", "", "ready"]).st_uid == 65534


def test_the_keeper_holds_the_socket_until_the_daemon_has_settled_it(keeper: RunningKeeper) -> None:
    """A daemon that comes later gets the socket, with what was sent meanwhile; settled, only the daemon has it."""
    daemon = keeper.greeted()
    bundle = keeper.bundle("web", sys.executable, "-c", _SEND)
    daemon.run("web", bundle, ready="notify", stdin=True)
    before = keeper.descriptors()
    os.write(_stdin(daemon), b"\n")
    daemon.close()

    daemon = keeper.daemon()
    (found,) = daemon.greet()
    assert found["streams"] == ["out", "err", "notify"]
    assert daemon.read("web", 7, stream="notify") == b"READY=1"

    daemon.say(messages.ask_settle("web", int(str(found["pid"]))))
    keeper.wait(lambda: keeper.descriptors() == before - 1, "the socket to be closed")
    daemon.close()
    (found,) = keeper.daemon().greet()
    assert found["streams"] == ["out", "err"]


def test_a_settlement_of_somebody_else_changes_nothing(keeper: RunningKeeper) -> None:
    """Only the process that is meant is settled, and an unknown jail is skipped."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"), ready="notify")
    before = keeper.descriptors()

    daemon.say(messages.ask_settle("web", 1))
    daemon.say(messages.ask_settle("none", 1))
    daemon.do(messages.ask_process, "web")

    assert keeper.descriptors() == before


def _stdin(daemon) -> int:
    parcel = daemon.answer(daemon.ask(messages.ask_stdin, "web", ""))
    daemon.open["web", "", "in"] = parcel.descriptors[0]
    return int(parcel.descriptors[0])
