"""
Who comes by TCP: is given to the porter, and waits in the lobby for his word.

The sockets are only ever held here: not a byte is read of them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from runjd.access.lobby import Lobby, host_of
from runjd.access.papers import Papers
from runjd.access.porter.side import AT_ONCE
from runjd.access.porters import Porters
from runjd.kernel.passrights import refuse_descriptors
from runjd.protocols.control.listen import Connection


class Arrivals(Factory):
    """
    Makes nothing of a connection but another one, of the porter.

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
        with outside:
            try:
                problem = self._hand(outside, peer)
            except OSError as error:
                problem = (error.strerror or str(error)).lower()
        if problem:
            self._lobby.refused(host_of(peer), problem)

    def _hand(self, outside: socket.socket, peer: IAddress | None) -> str:
        """Return what keeps it from being taken. :raise OSError: there is no descriptor for it."""
        found = self._lobby.buildProtocol(peer)
        if found is None:  # it costs the porter nothing, who would have it a while longer than we do
            outside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            return ""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            refuse_descriptors(ours)
            _tune(outside)
            if not self._porters.give(outside, theirs):
                return "no process is there that speaks TLS"
            # adoptStreamConnection() would make one that takes descriptors
            Connection._fromConnectedSocket(ours.fileno(), _One(found), self._reactor)  # type: ignore[no-untyped-call]
        return ""


def _tune(connection: socket.socket) -> None:
    """Have keys that are typed go at once, and the end of a host noticed that says nothing any more."""
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class _One(Factory):
    """Makes one protocol, that there is already."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Any:
        return self._protocol


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
