"""
Seeing to it that there is a porter, and giving him the connections of those who come.

He is replaced where the papers are, and keeps those who are with him; where he dies another one is started, later
and later, and only those who came by TLS are cut off.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.access.lobby import Lobby
from runjd.access.papers import Papers
from runjd.access.porter.one import One
from runjd.access.porter.word import DESK, READY
from runjd.values import Value

#: seconds before another porter is started where one died, the first time and at most; and for which one has to live
#: so that it begins anew
_FIRST, _LONGEST, _GOOD = 1.0, 60.0, 60.0
_NOBODY = 65_534
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from runjd.access.porter.main import main; main()"

_log = Logger(namespace="runjd.access")


class Rights(Value):
    """
    What the porter keeps.

    :ivar uid: his user, where we are root.
    :ivar gid: his group.
    :ivar root: a directory in which nothing is.
    :ivar descriptors: how many he may have.
    """

    uid: int
    gid: int
    root: str
    descriptors: int


def porter_rights(root: str, descriptors: int) -> Rights:
    """
    Return what the porter keeps.

    :param root: see :class:`Rights`.
    :param descriptors: likewise.
    """
    try:
        found = pwd.getpwnam("nobody")
        return Rights(found.pw_uid, found.pw_gid, root, descriptors)
    except KeyError:
        return Rights(_NOBODY, _NOBODY, root, descriptors)


class Porters:
    """
    The porter of this moment.

    :ivar pid: his; 0: there is none.
    """

    def __init__(self, reactor: Any, rights: Rights) -> None:
        self._reactor = reactor
        self._rights = rights
        self._papers: Papers | None = None
        self._desk: socket.socket | None = None
        self._timer: Any = None
        self._delay = _FIRST
        self._began = 0.0
        self._current: _Porter | None = None
        self.pid = 0

    def take(self, papers: Papers) -> None:
        """Have those who come from now on be shown these papers."""
        if papers == self._papers and self._current is not None:
            return
        self._papers = papers
        self._delay = _FIRST
        self._start()

    def give(self, outside: socket.socket, way: socket.socket) -> bool:
        """Give the porter a connection, and the way to us for it; False: nobody is there who could take them."""
        if self._desk is None:
            return False
        try:
            socket.send_fds(self._desk, [b"c"], [outside.fileno(), way.fileno()])
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Give nobody anything any more; the porter ends once the connections have."""
        self._papers = None
        self._forget()

    def _start(self) -> None:
        self._forget()
        if self._papers is None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        argv = [sys.executable, "-I", "-X", "utf8", "-c", _CODE, root]
        self._current = _Porter(self._ended, json.dumps(self._rights._asdict() | {"papers": self._papers.to_json()}))
        try:
            with theirs:
                child_fds = {0: "w", 1: "r", 2: 2, DESK: theirs.fileno()}
                made = self._reactor.spawnProcess(self._current, argv[0], argv, {}, "/", childFDs=child_fds)
        except OSError as error:
            ours.close()
            _log.error("no process can be started that speaks TLS: {error}", error=error)
            self._later()
            return
        self._desk, self.pid = ours, made.pid
        self._began = self._reactor.seconds()

    def _ended(self, porter: _Porter, reason: str) -> None:
        if porter is not self._current:
            return  # he was replaced
        _log.error("the process that speaks TLS ended: {reason}", reason=reason)
        if self._reactor.seconds() - self._began >= _GOOD:
            self._delay = _FIRST
        self._forget()
        self._later()

    def _later(self) -> None:
        self._timer = self._reactor.callLater(self._delay, self._start)
        self._delay = min(2 * self._delay, _LONGEST)

    def _forget(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        desk, self._desk, self._current, self.pid = self._desk, None, None, 0
        if desk is not None:
            desk.close()


class _Porter(ProcessProtocol):
    """
    One porter.

    :param ended: called with it, and with how.
    :param told: what it is told first.
    """

    transport: Any

    def __init__(self, ended: Callable[[_Porter, str], None], told: str) -> None:
        self._ended = ended
        self._told = told

    def connectionMade(self) -> None:
        self.transport.write(self._told.encode("ascii"))
        self._told = ""
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            if line == READY:
                _log.info("process {pid} speaks TLS", pid=self.transport.pid)
            else:
                _log.warn("the process that speaks TLS keeps a right: {line}", line=line)

    def processExited(self, reason: Failure) -> None:
        self._ended(self, reason.getErrorMessage())


class Arrivals(Factory):
    """
    Who comes by TCP: is given to the porter, and waits in the lobby for his word.

    The sockets are only ever held here: not a byte is read of them.

    :param papers: returns what is shown now.
    """

    noisy = False

    def __init__(self, lobby: Lobby, porters: Porters, papers: Callable[[], Papers], reactor: Any) -> None:
        self._papers = papers
        self._lobby = lobby
        self._porters = porters
        self._reactor = reactor

    def startFactory(self) -> None:
        self._porters.take(self._papers())

    def stopFactory(self) -> None:
        self._porters.stop()

    def buildProtocol(self, addr: IAddress | None) -> _Arrival:  # type: ignore[override]
        return _Arrival(self, addr)

    def hand(self, outside: socket.socket, peer: IAddress | None) -> None:
        """Take a connection that was just accepted."""
        ours, theirs = socket.socketpair()
        with outside, ours, theirs:
            if self._porters.give(outside, theirs):
                self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, One(self._lobby.buildProtocol(peer)))
                return
        self._lobby.refused(str(getattr(peer, "host", "")), "no process is there that speaks TLS")


class _Accepted:
    """A connection in the place of a transport."""

    def __init__(self, skt: socket.socket, *_: object) -> None:
        self.socket = skt


class _Arrival:
    """In the place of a protocol."""

    def __init__(self, arrivals: Arrivals, peer: IAddress | None) -> None:
        self._arrivals = arrivals
        self._peer = peer

    def makeConnection(self, transport: _Accepted) -> None:
        self._arrivals.hand(transport.socket, self._peer)


class ArrivalsPort(tcp.Port):
    """A port whose connections are not read."""

    transport = _Accepted  # type: ignore[assignment]


def listen_tcp(reactor: Any, port: int, factory: Factory, backlog: int, interface: str) -> ArrivalsPort:
    """Listen, as ``reactor.listenTCP``. :raise CannotListenError: it cannot be."""
    made = ArrivalsPort(port, factory, backlog, interface, reactor)
    made.startListening()
    return made
