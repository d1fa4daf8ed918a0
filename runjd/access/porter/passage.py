"""
One connection in the porter: TLS on one side, and on the other side a socket to the daemon, with plain bytes.

Bytes go on as fast as the other side takes them: each side is the producer of the other one.  Where who comes takes
none, the side of the daemon is not read, so that its end has to be looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.access.credentials import names_of, shown_by, verdict_on
from runjd.access.porter.departures import Departures, has_hung_up
from runjd.access.porter.one import One
from runjd.access.porter.word import format_names, format_reason

#: seconds after which it is looked whether the daemon is done with somebody who does not read
_LOOK = 1.0


@implementer(IPushProducer)
class Inside(Protocol):
    """
    The side of the daemon.

    :ivar visitor: who comes.
    """

    transport: Any
    visitor: Visitor | None = None

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._timer: IDelayedCall | None = None

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()
        if self._timer is None:
            self._timer = self._clock.callLater(_LOOK, self._look)

    def resumeProducing(self) -> None:
        self._stop_looking()
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        self._stop_looking()
        self.transport.stopProducing()

    def dataReceived(self, data: bytes) -> None:
        if self.visitor is not None:
            self.visitor.tell(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._stop_looking()
        if self.visitor is not None:
            self.visitor.inside_lost()

    def close(self) -> None:
        """Send what is left, and close."""
        if self.connected:
            if self.visitor is not None and self.visitor.is_in:
                self.transport.unregisterProducer()
            self.transport.loseConnection()

    def _look(self) -> None:
        self._timer = None
        if has_hung_up(self.transport.fileno()):
            if self.visitor is not None:
                self.visitor.depart()
        else:
            self._timer = self._clock.callLater(_LOOK, self._look)

    def _stop_looking(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


@implementer(IHandshakeListener)
class Visitor(Protocol):
    """
    The side of TLS.

    :param inside: connected.
    :param departures: where it is once the daemon is done with it.
    :param left: called once both sides are closed.
    :ivar is_in: he has shown a certificate.
    """

    transport: Any = None

    def __init__(self, inside: Inside, departures: Departures, left: Callable[[], None]) -> None:
        self._inside = inside
        self._departures = departures
        self._left = left
        self.is_in = False
        self._sides = 2
        inside.visitor = self

    def handshakeCompleted(self) -> None:
        certificate = shown_by(self.transport.getHandle())
        self.is_in = True
        self._inside.transport.write(format_names(names_of(certificate) if certificate is not None else ()))
        self._inside.transport.registerProducer(self.transport, True)
        self.transport.registerProducer(self._inside, True)

    def dataReceived(self, data: bytes) -> None:
        if self.is_in:
            self._inside.transport.write(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._departures.end(self.transport)
        if not self.is_in:
            verdict = verdict_on(self.transport.getHandle()) if self.transport is not None else ""
            self._inside.transport.write(format_reason(verdict or explain(reason.value or ConnectionLost())))
        self._inside.close()
        self._lose_side()

    def tell(self, data: bytes) -> None:
        """Send what the daemon says."""
        if self.is_in:
            self.transport.write(data)

    def depart(self) -> None:
        """The daemon is done with it, which may not have all yet that was said."""
        self._departures.begin(self.transport)

    def inside_lost(self) -> None:
        """The daemon is done with it, or gone."""
        if self._sides == 2 and self.transport is not None:
            if self.is_in:
                self.transport.unregisterProducer()
                self.depart()
                self.transport.loseConnection()
            else:
                self.transport.abortConnection()
        self._lose_side()

    def _lose_side(self) -> None:
        self._sides -= 1
        if not self._sides:
            self._left()


def behind_tls(visitor: Visitor, creator: IOpenSSLServerConnectionCreator, clock: Any) -> IProtocolFactory:
    """Return a factory of the connection that a visitor is behind."""
    factory: IProtocolFactory = TLSMemoryBIOFactory(creator, False, One(visitor), clock)
    return factory


def explain(error: BaseException) -> str:
    """Return why a handshake failed, in words."""
    if isinstance(error, (ConnectionDone, ConnectionLost)):
        return "the connection ended before its handshake did"
    if not isinstance(error, SSL.Error) or not error.args or not isinstance(error.args[0], list):
        return str(error) or type(error).__name__
    said = [str(each[-1]) for each in error.args[0] if each]
    for found in said:
        if found in _REASONS:
            return _REASONS[found]
    return ", ".join(said) or "the connection ended in the middle of its handshake"


_REASONS = {
    "peer did not return a certificate": "it showed no certificate",
    "unsupported protocol": "it speaks no TLS of 1.2 or newer",
    "http request": "it speaks HTTP",
    "wrong version number": "what it speaks is no TLS",
    "no shared cipher": "it has no cipher in common with us",
}
