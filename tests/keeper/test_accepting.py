"""Accepting connections, where the system does not play along; in this very process."""

import _socket
import errno
import os
import time
from collections.abc import Callable, Iterator

import pytest

from runjd.keeper.channel import Channel
from runjd.keeper.loop import Loop
from runjd.keeper.server import Server, Session


class Room:
    """A server and its loop."""

    def __init__(self, path: str, uids: tuple[int, ...]) -> None:
        self.listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(1)
        self.path = path
        self.log: list[str] = []
        self.now = 0.0
        self.loop = Loop(lambda: self.now, _raise)
        self.server = Server(self.loop, self.listener, uids, _ignore, _ignore, self.log.append)

    def connect(self) -> Channel:
        made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        made.connect(self.path)
        return Channel(made)


@pytest.fixture
def make_room(private_dir: str) -> Iterator[Callable[..., Room]]:
    """Return what makes a room, once."""
    made = []

    def make(*uids: int) -> Room:
        made.append(Room(f"{private_dir}/socket", uids))
        return made[0]

    yield make
    for room in made:
        if room.server.session is not None:
            room.server.session.close("end of test")
        room.listener.close()


def test_a_stranger_is_refused(make_room: Callable[..., Room]) -> None:
    """Who is of another user is told DENIED and sent away, even if the socket could be opened."""
    room = make_room(os.geteuid() + 1)
    room.server.start()

    stranger = room.connect()
    room.loop.turn()

    (parcel,) = stranger.receive()
    assert parcel.message["m"] == "failed"
    assert parcel.message["error"]["code"] == "DENIED"
    with pytest.raises(EOFError):
        stranger.receive()
    stranger.close()
    assert room.server.session is None


def test_a_daemon_that_says_nothing_is_sent_away(make_room: Callable[..., Room]) -> None:
    """Whoever connects and does not greet makes room after a while."""
    room = make_room(os.geteuid())
    room.server.start()
    silent = room.connect()
    room.loop.turn()
    assert room.server.session is not None

    room.now += 11
    room.loop.turn()

    assert room.server.session is None
    assert "did not say hello" in room.log[-1]
    silent.close()


def test_without_descriptors_accepting_pauses(make_room: Callable[..., Room]) -> None:
    """Where accept(2) fails for want of descriptors, it is tried again later, and no processor time is burnt."""
    room = make_room(os.geteuid())
    full = _Full(room.listener)
    server = Server(room.loop, full, (os.geteuid(),), _ignore, _ignore, room.log.append)
    server.start()
    daemon = room.connect()

    room.loop.turn()
    room.loop.call_later(0.0, lambda: None)
    room.loop.turn()
    assert (full.tries, len(room.log)) == (1, 1)
    full.is_full = False
    room.now += 2
    room.loop.turn()
    deadline = time.monotonic() + 5
    while server.session is None and time.monotonic() < deadline:
        room.loop.turn()

    assert isinstance(server.session, Session)
    server.session.close("end of test")
    daemon.close()


class _Full:
    """A listening socket whose accept(2) fails."""

    def __init__(self, listener: _socket.socket) -> None:
        self._listener = listener
        self.is_full = True
        self.tries = 0
        self.fileno = listener.fileno
        self.setblocking = listener.setblocking

    def _accept(self) -> object:
        self.tries += 1
        if self.is_full:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listener._accept()


def _raise(error: Exception) -> None:
    raise error


def _ignore(*arguments: object) -> None:
    pass
