"""
The porter as a process.

It is given its papers on standard input, connections on descriptor 3, and says on standard output when it is ready.
It ends when nobody gives it connections any more, and those that it has are over.
"""

from __future__ import annotations

import array
import contextlib
import errno
import json
import os
import signal
import socket
import sys
from importlib import import_module
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.access.papers import Showing, papers_from_json
from runjd.access.porter.confine import confine
from runjd.access.porter.departures import Departures
from runjd.access.porter.one import One
from runjd.access.porter.passage import Inside, Visitor, behind_tls, explain
from runjd.access.porter.word import DESK, READY

#: what says of a message that it did not arrive whole, or not yet; not that none will come
_PASSING = frozenset(
    (errno.EAGAIN, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.EMSGSIZE, errno.ENOBUFS, errno.ENOMEM)
)


def main() -> None:
    """Be the porter."""
    from twisted.internet import reactor

    for name in ("tcp", "unix"):  # all that is loaded is loaded now
        import_module(f"twisted.internet.{name}")

    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    with open(0, "rb", closefd=False) as given:
        told = json.loads(given.read())
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    papers = papers_from_json(told["papers"])
    showing = Showing(papers)
    _warm_up(showing)
    desk = Desk(reactor, socket.socket(fileno=DESK), showing)
    keep = (DESK, *_of_reactor(reactor))
    left = confine(told["uid"], told["gid"], told["root"], told["descriptors"], keep)
    sys.stdout.write("\n".join([READY, *left]) + "\n")
    sys.stdout.flush()
    desk.open()
    run: Any = reactor.run
    run(installSignalHandlers=False)


@implementer(IReadDescriptor)
class Desk:
    """
    Takes connections: messages of two descriptors each, who comes and the way to the daemon.

    :param desk: a socket of messages; ours now.
    """

    def __init__(self, reactor: Any, desk: socket.socket, showing: Showing) -> None:
        self._reactor = reactor
        self._desk = desk
        self._showing = showing
        self._departures = Departures(reactor)
        self._visitors = 0
        self._is_open = False
        desk.setblocking(False)

    def open(self) -> None:
        """Begin."""
        self._is_open = True
        self._reactor.addReader(self)

    def fileno(self) -> int:
        return self._desk.fileno()

    def logPrefix(self) -> str:
        return "desk"

    def doRead(self) -> None:
        try:
            data, found = receive(self._desk)
        except OSError as error:
            if error.errno in _PASSING:
                return
            data, found = b"", []
        if not data:
            self._reactor.removeReader(self)
            self._desk.close()
            self._is_open = False
            self._look()
        elif len(found) == 2:
            self._take(*found)
        else:
            for fd in found:
                os.close(fd)

    def connectionLost(self, reason: Failure) -> None:
        """What was not foreseen has happened, and nobody would be taken any more: another porter does better."""
        os._exit(1)

    def _take(self, outside: int, way: int) -> None:
        self._visitors += 1
        inside = Inside(self._reactor)
        visitor = Visitor(inside, self._departures, self._left)
        with socket.socket(fileno=way) as one, socket.socket(fileno=outside) as other:
            try:
                self._reactor.adoptStreamConnection(one.fileno(), socket.AF_UNIX, One(inside))
            except OSError:  # the daemon has given up already, or no descriptor is free: it sees that
                self._left()
                return
            try:
                factory = behind_tls(visitor, self._showing, self._reactor)
                self._reactor.adoptStreamConnection(other.fileno(), other.family, factory)
            except OSError as error:  # who came is gone
                visitor.connectionLost(Failure(error))  # type: ignore[no-untyped-call]

    def _left(self) -> None:
        self._visitors -= 1
        self._look()

    def _look(self) -> None:
        if not self._is_open and not self._visitors:
            self._reactor.callLater(0, os._exit, 0)


def receive(desk: socket.socket) -> tuple[bytes, list[int]]:
    """Return one message, and its descriptors. :raise OSError: there is none."""
    found = array.array("i")
    data, ancillary, _, _ = desk.recvmsg(16, socket.CMSG_SPACE(4 * found.itemsize), socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return data, list(found)


def _of_reactor(reactor: Any) -> list[int]:
    """Return what the reactor has open."""
    found = [each.fileno() for each in reactor.getReaders()]
    poller = getattr(reactor, "_poller", None) or getattr(reactor, "_kq", None)
    return [*found, *([poller.fileno()] if poller is not None and hasattr(poller, "fileno") else [])]


def _warm_up(showing: Showing) -> None:
    """Have all loaded that is loaded when it is needed first: later there are no files."""
    from OpenSSL import SSL

    connection = showing.serverConnectionForTLS(None)
    connection.set_accept_state()
    connection.bio_write(b"GET / HTTP/1.1\r\n\r\n")
    with contextlib.suppress(SSL.WantReadError):
        try:
            connection.do_handshake()
        except SSL.Error as error:
            explain(error)


if __name__ == "__main__":
    main()
