"""
Where clients that come by TLS wait until they have shown a certificate.

Nothing of the control protocol exists for a connection before that.  There are few places, fewer
for each address, and nobody keeps his for long; whoever is turned away is told by an alert of
TLS, and the daemon's log and the audit say who it was and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.access.credentials import Credentials, names_of, shown_by, verdict_on
from runjd.errors import Denied
from runjd.policy.principal import NOBODY, Principal

#: handshakes at the same time, in all and of one address
PLACES, PLACES_OF_ADDRESS = 64, 8
#: seconds that a handshake may take
PATIENCE = 10.0
#: seconds in which it is told once that there is no place
TOLD = 60.0


class Lobby(Factory):
    """
    Makes connections that show a certificate first.

    :param inner: makes what they become then.
    :param refused: told who was turned away, by address, and why.
    """

    noisy = False
    _log = Logger(namespace="runjd.access")

    def __init__(self, inner: IProtocolFactory, clock: IReactorTime, refused: Callable[[str, str], None]) -> None:
        self.inner = inner
        self.clock = clock
        self.refused = refused
        self._waiting: Counter[str] = Counter()
        self._told_at = -TOLD

    @property
    def waiting(self) -> int:
        """How many have shown nothing yet."""
        return self._waiting.total()

    def buildProtocol(self, addr: IAddress | None) -> Guest:
        guest = Guest(self, getattr(addr, "host", ""))
        guest.factory = self
        return guest

    def enter(self, address: str) -> bool:
        """Take a place, or return False where there is none."""
        if self.waiting < PLACES and self._waiting[address] < PLACES_OF_ADDRESS:
            self._waiting[address] += 1
            return True
        if self.clock.seconds() - self._told_at >= TOLD:
            self._told_at = self.clock.seconds()
            self.refused(address, f"{self.waiting} handshakes are under way, which are enough")
        return False

    def leave(self, address: str) -> None:
        """Give a place back."""
        self._waiting[address] -= 1
        if not self._waiting[address]:
            del self._waiting[address]


@implementer(IHandshakeListener)
class Guest(Protocol):
    """One connection: somebody who waits, then whatever the certificate lets him be."""

    transport: Any

    def __init__(self, lobby: Lobby, address: str) -> None:
        self._lobby = lobby
        self._address = address
        self._inner: IProtocol | None = None
        self._timer: IDelayedCall | None = None
        self._reason = ""

    def connectionMade(self) -> None:
        if not self._lobby.enter(self._address):
            self._reason = "-"
            self.transport.abortConnection()
            return
        self._timer = self._lobby.clock.callLater(PATIENCE, self._give_up)

    def handshakeCompleted(self) -> None:
        if self._timer is None:
            return
        self._leave()
        self._inner = self._lobby.inner.buildProtocol(self.transport.getPeer())
        if self._inner is None:
            self.transport.abortConnection()
        else:
            self._inner.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        if self._inner is not None:
            self._inner.connectionLost(reason)
            return
        if self._timer is not None:
            self._leave()
        if self._reason != "-":
            verdict = verdict_on(self.transport.getHandle())
            self._lobby.refused(self._address, self._reason or verdict or explain(reason.value or ConnectionLost()))

    def _give_up(self) -> None:
        self._reason = f"the handshake took longer than {PATIENCE:.0f} s"
        self.transport.abortConnection()

    def _leave(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._lobby.leave(self._address)


def identify_by_certificate(transport: Any) -> Principal:
    """
    Return whom the certificate of a connection names.

    :raise Denied: nobody.
    """
    certificate = shown_by(transport.getHandle())
    names = tuple(names_of(certificate)) if certificate is not None else ()
    if not names:
        raise Denied(
            "the certificate names nobody: its subject alternative name has no mail address, name of a host, or URI"
        )
    return Principal(NOBODY, NOBODY, certificate=names, address=getattr(transport.getPeer(), "host", ""))


def behind_tls(
    inner: IProtocolFactory, credentials: Credentials, clock: Any, refused: Callable[[str, str], None]
) -> IProtocolFactory:
    """Return a factory of connections that speak TLS, and show a certificate before they speak with the inner one."""
    lobby = Lobby(inner, clock, refused)
    factory: IProtocolFactory = TLSMemoryBIOFactory(credentials, False, lobby, clock)
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
