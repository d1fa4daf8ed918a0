"""The control socket, as the door through which clients come in."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from runjd.protocols.control.factory import ControlFactory
from runjd.protocols.control.listen import ControlPort, listen_unix


class ControlDoor:
    """
    A :class:`runjd.supervise.daemon.Door`.

    :param path: of the socket.
    :param factory: of the connections.
    :param reactor: which listens.
    """

    def __init__(self, path: str, factory: ControlFactory, reactor: Any) -> None:
        self._path = path
        self._factory = factory
        self._reactor = reactor
        self._port: ControlPort | None = None

    def open(self) -> None:
        self._port = listen_unix(self._path, self._factory, self._reactor)

    def close(self, reason: str) -> Deferred[None] | None:
        port, self._port = self._port, None
        if port is None:
            return None
        self._factory.close_all(reason)
        stopped: Deferred[None] | None = port.stopListening()  # type: ignore[no-untyped-call]
        return stopped
