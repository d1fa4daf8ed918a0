"""A passage of the porter between real sockets, on a clock of a test: for what is thrown at it, and what it does."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

from runjd.access.paperfiles import read_papers
from runjd.access.porter.departures import Departures
from runjd.access.porter.passage import Passage
from runjd.access.porter.secrecy import Secrecy
from runjd.access.porter.side import LIMIT
from runjd.access.showing import Showing, load
from runjd.keeper.loop import Loop
from tests.access.papers import client, tls_of

#: seconds of those who leave, and of those who are turned away
PATIENCE, SHORT = 60.0, 2.0


def showing_of(directory: str) -> Showing:
    """Return what shows the certificate in a directory."""
    return Showing(load(read_papers(tls_of(directory), "runjd.toml")))


def alice_of(directory: str) -> ssl.SSLContext:
    """Return what alice speaks with, whose papers are made in a directory."""
    made = ssl.create_default_context(cafile=f"{directory}/ca.crt")
    made.load_cert_chain(*client(directory, "alice"))
    return made


class CountingLoop(Loop):
    """
    A loop that counts how often it called back for a descriptor.

    :ivar refuses: it can watch nothing more.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.calls = 0
        self.refuses = False
        self.failures: list[Exception] = []
        super().__init__(lambda: self.now, self.failures.append)

    def watch(self, fd: int, mask: int, callback: Callable[[int], None]) -> None:
        if self.refuses:
            raise OSError(errno.ENOSPC, "no more watches")

        def counted(mask: int) -> None:
            self.calls += 1
            callback(mask)

        super().watch(fd, mask, counted)

    def settle(self, seconds: float = 0.0) -> None:
        """Let time pass, and all happen that can."""
        self.now += seconds
        while True:
            before = self.calls
            self.turn()
            if self.calls == before:
                return

    def _patience(self) -> float:
        """Not even the millisecond that it waits for longer than it is asked to."""
        return -0.001


class Hall:
    """A passage, who came, and the daemon's end."""

    def __init__(self, showing: Showing) -> None:
        self.loop = CountingLoop()
        self.visitor, outside = socket.socketpair()
        self.daemon, way = socket.socketpair()
        for each in (self.visitor, self.daemon):
            each.setblocking(False)
        self.left = False
        departures, turned_away = Departures(self.loop, 2, PATIENCE), Departures(self.loop, 2, SHORT)
        self.passage = Passage(self.loop, Secrecy(showing), outside, way, departures, turned_away, self._leave)
        self.tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()

    def _leave(self) -> None:
        assert not self.left
        self.left = True

    def come_in(self, context: ssl.SSLContext) -> None:
        """Be alice."""
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                self.pump()
                break
            self.pump()
        assert self.heard() == b"+ alice\n"

    def pump(self) -> None:
        """Carry what alice says and hears."""
        self.visitor.sendall(self._out.read())
        self.loop.settle()
        self._in.write(drain(self.visitor))

    def say(self, data: bytes) -> None:
        """Have alice say something."""
        assert self.tls is not None
        self.tls.write(data)
        self.pump()

    def read(self) -> bytes:
        """Return all that alice hears."""
        assert self.tls is not None
        found = bytearray()
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while piece := self.tls.read(LIMIT):
                found += piece
        return bytes(found)

    def fill_up(self) -> int:
        """Have the daemon say as much as goes, and more once that was taken; return how many bytes went."""
        count = 0
        for _ in range(50):
            count += fill(self.daemon)
            self.loop.settle()
        return count

    def heard(self) -> bytes:
        """Return all that the daemon hears."""
        self.loop.settle()
        found = bytearray()
        while piece := drain(self.daemon):
            found += piece
            self.loop.settle()
        return bytes(found)

    def close(self) -> None:
        """End it."""
        self.visitor.close()
        self.daemon.close()
        self.loop.settle(PATIENCE)
        self.loop.settle(PATIENCE)
        assert self.left
        assert not self.loop.failures, self.loop.failures


def drain(connection: socket.socket) -> bytes:
    """Return what is there."""
    found = bytearray()
    with contextlib.suppress(BlockingIOError):
        while piece := connection.recv(LIMIT):
            found += piece
    return bytes(found)


def is_closed(connection: socket.socket) -> bool:
    """Return whether the other end has said that nothing follows."""
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def fill(connection: socket.socket) -> int:
    """Write as much as goes; return how much."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            count += connection.send(bytes(4096))
    return count


def hello() -> bytes:
    """Return what a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="x").do_handshake()
    return outgoing.read()
