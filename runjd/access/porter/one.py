"""A factory of one connection."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory


class One(Factory):
    """Makes one protocol, that there is already."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Any:
        return self._protocol
