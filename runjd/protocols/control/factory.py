"""The listening side of the control protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from runjd.interfaces import IConfiguration, IController
from runjd.protocols.control.hall import Hall, Limits
from runjd.protocols.control.roles import Principal
from runjd.protocols.control.server import ControlProtocol
from runjd.protocols.control.verbs.all import all_verbs


class ControlFactory(Factory):
    """
    Makes connections.

    :param clock: the reactor, or a clock of tests.
    :param now: wall time in seconds.
    :param identify: says who is at the other end of a socket, as
        :func:`runjd.access.identity.identify` does.
    :param version: of runjd.
    """

    noisy = False

    def __init__(
        self,
        controller: IController,
        configuration: IConfiguration,
        clock: IReactorTime,
        now: Callable[[], float],
        identify: Callable[[Any], Principal],
        version: str,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self.hall = Hall(controller, configuration, all_verbs(), clock, now, identify, f"runjd/{version}", limits)

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        protocol = ControlProtocol(self.hall)
        protocol.factory = self
        return protocol

    def close_all(self, reason: str) -> None:
        """Close all connections, saying why."""
        self.hall.close(reason)
