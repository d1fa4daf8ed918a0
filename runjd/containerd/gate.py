"""
Where relays connect, and the shim when it cleans up: a socket in a directory of its own, for our own user alone.

    door = RelayDoor(f"{state}/containerd", services, reactor)
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.containerd.relay.hello import Hello, HelloReader
from runjd.errors import RunjdError
from runjd.protocols.control.listen import ControlPort, listen_unix
from runjd.protocols.ttrpc.conversation import Conversation
from runjd.protocols.ttrpc.server import TtrpcServer
from runjd.protocols.ttrpc.services import IServices
from runjd.supervise.directories import make_directory

#: seconds in which a connection has to say whose it is
HELLO_TIME = 10.0

_log = Logger()


class RelayDoor:
    """
    A :class:`runjd.supervise.daemon.Door`.

    :param directory: for the sockets; made, 0700, where it is missing.
    :param services: what is called.
    :param reactor: which listens.
    """

    def __init__(self, directory: str, services: IServices, reactor: Any) -> None:
        self._directory = directory
        self._reactor = reactor
        self._factory = _Relays(services, reactor)
        self._port: ControlPort | None = None

    def open(self) -> None:
        """Listen. :raise RunjdError: it cannot be."""
        make_directory(self._directory, 0o700)
        self._port = listen_unix(f"{self._directory}/socket", self._factory, self._reactor)

    def close(self, reason: str) -> Deferred[None] | None:
        """Listen no more, and close all connections: what is not answered is the next daemon's."""
        port, self._port = self._port, None
        if port is None:
            return None
        self._factory.close_all()
        stopped: Deferred[None] | None = port.stopListening()  # type: ignore[no-untyped-call]
        return stopped


class _Relays(Factory):
    noisy = False

    def __init__(self, services: IServices, clock: IReactorTime) -> None:
        self._services = services
        self._clock = clock
        self._gates: set[Gate] = set()

    def buildProtocol(self, addr: object) -> Gate:
        return Gate(self._services, self._clock, self._gates)

    def close_all(self) -> None:
        for each in list(self._gates):
            each.transport.abortConnection()


class Gate(Protocol):
    """
    One connection of a relay: a hello, then ttrpc.

    :param all: has those that are open.
    """

    transport: Any  # ITransport and IConsumer

    def __init__(self, services: IServices, clock: IReactorTime, all: set[Gate]) -> None:
        self._services = services
        self._clock = clock
        self._all = all
        self._hello = HelloReader()
        self._server: TtrpcServer | None = None
        self._late: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self._all.add(self)
        self._late = self._clock.callLater(HELLO_TIME, self._refuse, "it does not say whose it is")

    def dataReceived(self, data: bytes) -> None:
        if self._server is not None:
            self._server.dataReceived(data)
            return
        try:
            hello = self._hello.feed(data)
        except RunjdError as error:
            self._refuse(str(error))
            return
        if hello is not None:
            self._begin(hello)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._all.discard(self)
        self._forget_limit()
        if self._server is not None:
            self._server.connectionLost(reason)

    def _begin(self, hello: Hello) -> None:
        self._forget_limit()
        self._server = TtrpcServer(
            lambda write: Conversation(
                hello.origin, hello.connection, self._services, self._clock, write, hello.repeated
            )
        )
        self._server.makeConnection(self.transport)  # type: ignore[no-untyped-call]
        if self._hello.rest:
            self._server.dataReceived(self._hello.rest)

    def _refuse(self, reason: str) -> None:
        _log.warn("a connection to the socket for relays is closed: {reason}", reason=reason)
        self.transport.abortConnection()

    def _forget_limit(self) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()
        self._late = None
