"""Where the porter gets those who come."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runjd.access.porter.desk import Desk
from tests.access.papers import authority
from tests.access.passing import CountingLoop, drain, is_closed, showing_of


class Host:
    """A desk, and those who give."""

    def __init__(self, directory: str) -> None:
        self.loop = CountingLoop()
        self.said: list[str] = []
        self.giver, desk = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        showing = showing_of(directory)
        Desk(self.loop, desk, showing, lambda: self.said.append("tidied"), lambda: self.said.append("deserted")).open()
        self._stay: list[socket.socket] = []

    def give(self, *, count: int = 2) -> tuple[socket.socket, socket.socket]:
        """Give one; return the end of who came, and that of the daemon."""
        visitor, outside = socket.socketpair()
        daemon, way = socket.socketpair()
        with outside, way:
            socket.send_fds(self.giver, [b"c"], [outside.fileno(), way.fileno()][:count])
        self.loop.settle()
        for each in (visitor, daemon):
            each.setblocking(False)
        self._stay += visitor, daemon
        return visitor, daemon

    def close(self) -> None:
        """End it."""
        for each in (self.giver, *self._stay):
            each.close()
        self.loop.settle(100)
        assert self.loop.failures == []


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Return a desk."""
    made = Host(authority(tmp_path / "tls"))
    yield made
    made.close()


def test_who_is_there_is_served_to_the_end(host: Host) -> None:
    """Though nobody gives any more; then it is deserted."""
    visitor, daemon = host.give()
    host.giver.close()
    host.loop.settle()
    assert host.said == []
    visitor.send(b"nonsense" * 10)
    host.loop.settle()
    assert drain(daemon) == b"- what it speaks is no TLS\n"
    visitor.close()
    host.loop.settle()

    assert host.said == ["deserted"]


def test_what_is_free_is_given_back_a_while_after_somebody_has_left(host: Host) -> None:
    """Once for several."""
    for _ in range(3):
        visitor, _ = host.give()
        visitor.close()
        host.loop.settle()
    assert host.said == []
    host.loop.settle(10)
    host.loop.settle(10)
    assert host.said == ["tidied"]


def test_who_cannot_be_watched_is_let_go(host: Host) -> None:
    """For want of memory, say; and he is not waited for where nobody gives any more."""
    host.loop.refuses = True
    visitor, daemon = host.give()
    host.loop.refuses = False
    assert is_closed(visitor)
    assert is_closed(daemon)
    host.giver.close()
    host.loop.settle()

    assert host.said == ["deserted"]
    assert [type(each) for each in host.loop.failures] == [OSError]
    host.loop.failures.clear()


@pytest.mark.parametrize("count", [0, 1])
def test_who_comes_without_a_way_is_let_go(host: Host, count: int) -> None:
    """As where no descriptor was free for it; whoever comes next is taken."""
    if count:
        visitor, _ = host.give(count=count)
        assert is_closed(visitor)
    else:
        host.giver.send(b"c")
    _, daemon = host.give()
    assert not is_closed(daemon)
