"""
A keeper's channel as the reactor's reader and writer.

Twisted drops a descriptor whose ``doRead`` raises, and its Unix transport
ignores that descriptors were lost on their way, so the channel does the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.wire import WireError

#: reads in a turn of the reactor, at most
_READS = 16


class DescriptorReactor(Protocol):
    """What is needed of the reactor: IReactorFDSet."""

    def addReader(self, reader: IReadDescriptor) -> object: ...

    def removeReader(self, reader: IReadDescriptor) -> object: ...

    def addWriter(self, writer: IWriteDescriptor) -> object: ...

    def removeWriter(self, writer: IWriteDescriptor) -> object: ...


@implementer(IReadWriteDescriptor)
class KeeperLink:
    """
    Watches one channel.

    :param received: called with each parcel.
    :param lost: called with the reason when the connection ends by itself.
    """

    def __init__(
        self,
        reactor: DescriptorReactor,
        channel: Channel,
        received: Callable[[Parcel], None],
        lost: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._channel = channel
        self._received = received
        self._lost = lost

    def start(self) -> None:
        """Begin to read."""
        self._reactor.addReader(self)

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message at once where the keeper takes it, else when it does."""
        self.send_parcel(lambda: Parcel(message))

    def send_parcel(self, make: Callable[[], Parcel | None]) -> None:
        """Send what the function returns when its turn comes, nothing for None; the descriptors stay the caller's."""
        self._channel.send(make)
        try:
            is_sent = self._channel.flush()
        except (WireError, OSError):
            is_sent = False  # doWrite meets it again and tells it, not in the middle of the caller's work
        if not is_sent:
            self._reactor.addWriter(self)

    def stop(self) -> None:
        """Close the connection; ``lost`` is not called."""
        if self._channel.is_open:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            self._channel.close()

    def fileno(self) -> int:
        return self._channel.fileno()

    def logPrefix(self) -> str:
        return "keeper"

    def doRead(self) -> None:
        # Each message that brings descriptors takes a read of its own; a turn of the reactor for each is dear
        # where a keeper tells of hundreds of jails.
        for _ in range(_READS):
            try:
                parcels = self._channel.receive()
            except EOFError:
                self._lost("it closed the connection")
            except WireError as error:
                self._lost(f"it sent {error}")
            except OSError as error:
                self._lost(str(error.strerror))
            else:
                self._deliver(parcels)
                if parcels and self._channel.is_open:
                    continue
            return

    def doWrite(self) -> None:
        try:
            if self._channel.flush():
                self._reactor.removeWriter(self)
        except WireError as error:
            self._lost(f"a request cannot be sent: {error}")
        except OSError as error:
            self._lost(str(error.strerror))

    def connectionLost(self, reason: Failure) -> None:
        """Called by the reactor where it gives up on the descriptor, as at its end."""
        if self._channel.is_open:
            self._lost(reason.getErrorMessage())

    def _deliver(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            if self._channel.is_open:
                self._received(parcel)
            else:  # closed by what an earlier parcel brought about
                parcel.drop()
