"""The shell of Twisted around :class:`runjd.protocols.ttrpc.conversation.Conversation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.protocols.ttrpc.conversation import Conversation


@implementer(IPushProducer)
class TtrpcServer(Protocol):
    """
    One connection.

    As long as what is written does not leave, nothing is read: whoever asks and does not listen waits.

    :param make: makes the conversation; takes what writes.
    """

    transport: Any  # ITransport and IConsumer

    def __init__(self, make: Callable[[Callable[[bytes], None]], Conversation]) -> None:
        self._make = make
        self._conversation: Conversation | None = None

    def connectionMade(self) -> None:
        self._conversation = self._make(self.transport.write)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        assert self._conversation is not None
        self._conversation.received(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if self._conversation is not None:
            self._conversation.lost()

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is being lost, which is told elsewhere."""
