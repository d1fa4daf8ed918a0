"""The listening side of the control protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from runjd.policy.principal import Principal
from runjd.protocols.control.hall import Hall
from runjd.protocols.control.server import ControlProtocol


class ControlFactory(Factory):
    """
    Makes connections of one listener.

    :param hall: what the connections of all listeners share.
    :param identify: says who is at the other end of a transport, as
        :func:`runjd.access.identity.identify` does; or raises Denied.
    """

    noisy = False

    def __init__(self, hall: Hall, identify: Callable[[Any], Principal]) -> None:
        self.hall = hall
        self._identify = identify

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        protocol = ControlProtocol(self.hall, self._identify)
        protocol.factory = self
        return protocol

    def close_all(self, reason: str) -> None:
        """Close all connections, saying why."""
        self.hall.close(reason)
