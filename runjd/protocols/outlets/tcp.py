"""Syslog over TCP."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from runjd.protocols.outlets.pull import PullOutlet


class TcpOutlet(PullOutlet):
    """A connection to a syslog server, made anew when it breaks; names are looked up beside the reactor."""

    def __init__(
        self, reactor: Any, host: str, port: int, name: str, refused: Callable[[str, OSError | None], None]
    ) -> None:
        super().__init__(reactor, name, refused)
        self._endpoint = HostnameEndpoint(reactor, host, port)

    def connect(self) -> None:
        factory = Factory.forProtocol(_Connection)
        factory.outlet = self  # type: ignore[attr-defined]
        self._endpoint.connect(factory).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        number = getattr(error, "osError", None) or errno.EHOSTUNREACH
        self.disconnected(OSError(number, str(error) or "cannot be reached"))


class _Connection(Protocol):
    """Sends only; what a server says is not heard."""

    def connectionMade(self) -> None:
        self.factory.outlet.connected(self.transport)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.factory.outlet.disconnected(OSError(errno.EPIPE, "the connection is lost"), self.transport)
