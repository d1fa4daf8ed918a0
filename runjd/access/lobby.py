"""
Where clients that come by TLS wait until they have shown a certificate to the porter.

Nothing of the control protocol exists for a connection before that.  There are few places, fewer
for each address, and nobody keeps his for long; whoever is turned away is told by an alert of
TLS, and the daemon's log and the audit say who it was and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from runjd.access.porter.word import WORD_MAX, parse_word
from runjd.errors import Denied, SyntaxFault
from runjd.policy.principal import NOBODY, Principal

#: handshakes at the same time, in all and of one address
PLACES, PLACES_OF_ADDRESS = 64, 8
#: seconds that a handshake may take
PATIENCE = 10.0
#: seconds in which it is told once that there is no place
TOLD = 60.0

#: by connection: who came, and from which address
_known: WeakKeyDictionary[Any, tuple[tuple[str, ...], str]] = WeakKeyDictionary()


class Lobby(Factory):
    """
    Makes connections that wait for the word of the porter first.

    :param inner: makes what they become then.
    :param refused: told who was turned away, by address, and why.
    """

    noisy = False

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

    def buildProtocol(self, addr: IAddress | None) -> Guest | None:
        """Return who waits from when he is connected on; None: there is no place for him."""
        if not self._has_place(host_of(addr)):
            return None
        guest = Guest(self, addr)
        guest.factory = self
        return guest

    def _has_place(self, address: str) -> bool:
        if self.waiting < PLACES and self._waiting[address] < PLACES_OF_ADDRESS:
            return True
        if self.clock.seconds() - self._told_at >= TOLD:
            self._told_at = self.clock.seconds()
            self.refused(address, f"{self.waiting} handshakes are under way, which are enough")
        return False

    def enter(self, address: str) -> None:
        """Take a place."""
        self._waiting[address] += 1

    def leave(self, address: str) -> None:
        """Give a place back."""
        self._waiting[address] -= 1
        if not self._waiting[address]:
            del self._waiting[address]


class Guest(Protocol):
    """
    One connection of the porter, until he has said who is at its other end.

    :param peer: whence it came, by the word of the kernel.
    """

    transport: Any

    def __init__(self, lobby: Lobby, peer: Any) -> None:
        self._lobby = lobby
        self._peer = peer
        self._address = host_of(peer)
        self._timer: IDelayedCall | None = None
        self._reason = ""
        self._heard = b""

    def connectionMade(self) -> None:
        self._lobby.enter(self._address)
        self._timer = self._lobby.clock.callLater(PATIENCE, self._give_up)

    def dataReceived(self, data: bytes) -> None:
        if self._timer is None:
            return
        self._heard += data
        line, end, rest = self._heard.partition(b"\n")
        try:
            if len(line) > WORD_MAX:
                raise SyntaxFault("the process that speaks TLS says too much")
            if not end:
                return
            names, self._reason = parse_word(line)
        except SyntaxFault as error:
            self._reason = str(error)
        if self._reason:
            self.transport.abortConnection()
        else:
            self._let_in(names, rest)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        if self._timer is not None:
            self._leave()
        if self._reason != "-":
            self._lobby.refused(self._address, self._reason or "the connection ended before its handshake did")

    def _let_in(self, names: tuple[str, ...], rest: bytes) -> None:
        """Become what the lobby leads to, which has the connection from now on."""
        self._leave()
        self._heard = b""
        _known[self.transport] = names, self._address
        inner = self._lobby.inner.buildProtocol(self._peer)
        if inner is None:
            self._reason = "-"
            self.transport.abortConnection()
            return
        self.transport.protocol = inner
        inner.makeConnection(self.transport)
        if rest:
            inner.dataReceived(rest)

    def _give_up(self) -> None:
        self._reason = f"the handshake took longer than {PATIENCE:.0f} s"
        self.transport.abortConnection()

    def _leave(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._lobby.leave(self._address)


def host_of(peer: IAddress | None) -> str:
    """Return the address of a host, by the word of the kernel; empty where it has none."""
    return str(getattr(peer, "host", ""))


def identify_by_certificate(transport: Any) -> Principal:
    """
    Return whom the certificate of a connection names.

    :raise Denied: nobody.
    """
    names, address = _known.get(transport, ((), ""))
    if not names:
        raise Denied(
            "the certificate names nobody: its subject alternative name has no mail address, name of a host, or URI"
        )
    return Principal(NOBODY, NOBODY, certificate=names, address=address)
