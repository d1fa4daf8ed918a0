"""What a worker says that becomes a process of a jail, and what others may make it say."""

import _socket
import os
import select
import signal
from collections.abc import Iterator

import pytest

from runjd.container.report import ABOUT, APPEARED, EXECUTE, FAILED, READY
from runjd.keeper.channel import Parcel
from runjd.keeper.entrance import Entrance
from runjd.kernel.process import start_time


class Room:
    """An entrance, the other end of its conversation, and the process that is the worker."""

    def __init__(self) -> None:
        self.worker = _sleeper()
        self.others: list[int] = []
        self.taken: set[int] = set()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        self.reader, self.writer = os.pipe()
        message = {"streams": ["launch", "out"], "terminal": False, "notices": ["told"]}
        parcel = Parcel(message, (ours.detach(), self.reader))
        self.theirs = theirs
        self.entrance = Entrance(parcel, self.worker, self.taken.__contains__)

    def other(self) -> int:
        """Return another child of ours."""
        self.others.append(_sleeper())
        return self.others[-1]

    def say(self, *packets: bytes) -> Parcel | None:
        """Send packets, and let them be read."""
        for packet in packets:
            self.theirs.send(packet)
        return self.entrance.read()

    def error(self, *packets: bytes) -> str:
        """Send packets, which are the end of it, and return why."""
        report = self.say(*packets)
        assert report is not None
        record = report.message["error"]
        assert isinstance(record, dict)
        return str(record["message"])

    def leave(self) -> None:
        """Close all, and end the processes."""
        self.entrance.close()
        self.theirs.close()
        os.close(self.writer)
        for pid in (self.worker, *self.others):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _sleeper() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


@pytest.fixture
def room() -> Iterator[Room]:
    """Return a room that is left at the end."""
    made = Room()
    yield made
    made.leave()


def test_a_worker_that_goes_on_itself(room: Room) -> None:
    """It is given its order when it is ready, and reported once its program is executed, with its streams."""
    assert room.say(READY) is None
    assert room.theirs.recv(10) == EXECUTE
    assert room.say(ABOUT) is None
    room.theirs.shutdown(_socket.SHUT_WR)

    report = room.entrance.read()

    assert report is not None
    expected = {"pid": room.worker, "start": start_time(room.worker), "jid": 0, "streams": ["out"]}
    assert report.message == {**expected, "terminal": False, "notices": ["told"]}
    assert not room.entrance.has_appeared
    report.drop()


def test_another_process_that_goes_on(room: Room) -> None:
    """It has its order before it is ready, and is the one that is reported."""
    other = room.other()

    assert room.say(APPEARED + b"%d" % other) is None
    assert room.theirs.recv(10) == EXECUTE
    assert room.say(READY, ABOUT) is None
    room.theirs.shutdown(_socket.SHUT_WR)
    report = room.entrance.read()

    assert report is not None
    assert report.message["pid"] == other
    assert room.entrance.has_appeared
    report.drop()


@pytest.mark.parametrize("pid", [b"1", b"0", b"-1", b"x", b"9" * 30])
def test_nobody_but_a_child_of_ours_goes_on(room: Room, pid: bytes) -> None:
    """A stranger's pid is refused, and nobody is killed for it but the worker."""
    assert "somebody inside interfered" in room.error(APPEARED + pid)
    assert room.entrance.pid == room.worker


def test_nobody_goes_on_who_is_known_as_something_else(room: Room) -> None:
    """A child of ours that is a process of another jail is refused."""
    other = room.other()
    room.taken.add(other)

    assert "somebody inside interfered" in room.error(APPEARED + b"%d" % other)


def test_who_has_appeared_cannot_name_another(room: Room) -> None:
    """Only the first word about it counts, which is that of somebody whom nobody inside can see."""
    first, second = room.other(), room.other()

    room.say(APPEARED + b"%d" % first, APPEARED + b"%d" % second)

    assert room.entrance.pid == first


@pytest.mark.parametrize("said", [(), (READY,), (ABOUT,), (b"?", b"Z" * 1000)])
def test_an_end_before_the_program_is_an_error(room: Room, said: tuple[bytes, ...]) -> None:
    """Where the conversation ends before the order was given and carried out, no process is reported."""
    room.say(*said)
    room.theirs.shutdown(_socket.SHUT_WR)

    assert "was killed before its program was executed" in room.error()


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 8000, b"\xff\x00", b"7", b'{"code": [1], "details": 3}'])
def test_an_error_that_makes_no_sense_is_an_error_all_the_same(room: Room, body: bytes) -> None:
    """Whatever somebody inside makes it say is an answer, and no fault of the keeper."""
    report = room.say(FAILED + body)

    assert report is not None
    assert "error" in report.message


def test_who_says_too_much_is_not_listened_to_all_the_time(room: Room) -> None:
    """A flood of words is read a few at a time."""
    room.theirs.setblocking(False)
    sent = 0
    while select.select([], [room.theirs], [], 0)[1]:
        room.theirs.send(b"?")
        sent += 1

    assert sent > 8
    assert room.entrance.read() is None
    assert select.select([room.entrance], [], [], 0)[0]


def test_who_was_reaped_is_not_killed(room: Room) -> None:
    """Its pid may be somebody else's."""
    other = room.other()
    room.say(APPEARED + b"%d" % other)
    room.entrance.is_reaped = True

    room.entrance.kill()

    assert os.waitpid(other, os.WNOHANG) == (0, 0)
