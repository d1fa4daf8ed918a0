"""What a program tells by that it is ready, read at a pace of ours."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from runjd.supervise.ready.listening import PACE, Listening, on_newline, on_notice
from tests.supervise.world import TurningReactor


@pytest.fixture
def reactor() -> TurningReactor:
    """Return a reactor that turns when told."""
    return TurningReactor()


@pytest.fixture
def pair() -> Iterator[tuple[int, socket.socket]]:
    """Return our descriptor, which whoever listens closes, and the program's socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.setblocking(False)
    yield ours.detach(), theirs
    theirs.close()


def test_a_newline_is_told_and_nothing_less(reactor):
    """What comes before it means nothing, and may come in pieces."""
    told = []
    reading, writing = os.pipe()
    listening = Listening(reactor, reading, on_newline(lambda: told.append("ready")))
    os.write(writing, b"abc")
    reactor.turn()
    reactor.turn(PACE)
    assert told == []
    os.write(writing, b"def\n")
    reactor.turn()
    assert told == ["ready"]
    listening.close()
    os.close(writing)


def test_a_program_that_closes_it_has_told_nothing(reactor):
    """End of file is not ready, and is not read over and over."""
    told = []
    reading, writing = os.pipe()
    listening = Listening(reactor, reading, on_newline(lambda: told.append("ready")))
    os.close(writing)
    reactor.turn()
    reactor.turn(PACE)
    reactor.turn(PACE)
    assert told == []
    assert reactor.readers == set()
    listening.close()


def test_notices_are_read_and_statuses_told(reactor, pair):
    """READY=1 and STATUS= arrive, from one datagram or from several."""
    told: list[str] = []
    fd, theirs = pair
    listening = Listening(reactor, fd, on_notice(lambda: told.append("ready"), told.append, os.getpid()))
    theirs.send(b"STATUS=half way")
    theirs.send(b"STATUS=done\nREADY=1")
    reactor.turn()
    assert told == ["half way", "done", "ready"]
    listening.close()


def test_a_flood_stops_its_sender_not_us(reactor, pair):
    """Between two reads nothing is read, so a program that sends without end finds its socket full."""
    read = []
    fd, theirs = pair
    listening = Listening(reactor, fd, on_notice(lambda: None, read.append, os.getpid()))
    with suppress(BlockingIOError):
        while True:
            theirs.send(b"STATUS=x")
    reactor.turn()
    assert 0 < len(read) < 10
    before = len(read)
    reactor.turn()
    assert len(read) == before
    reactor.turn(PACE)
    assert before <= len(read) <= 2 * before
    listening.close()
    assert reactor.getDelayedCalls() == []


def test_descriptors_of_a_jail_are_not_taken(reactor, pair):
    """A program that sends descriptors along does not fill our table."""
    before = len(os.listdir("/dev/fd"))
    told: list[str] = []
    fd, theirs = pair
    listening = Listening(reactor, fd, on_notice(lambda: told.append("ready"), told.append, os.getpid()))
    socket.send_fds(theirs, [b"READY=1"], [0, 1, 2])
    reactor.turn()
    assert told == ["ready"]
    assert len(os.listdir("/dev/fd")) == before
    listening.close()
