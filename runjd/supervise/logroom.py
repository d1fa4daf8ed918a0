"""What the logs of all jails share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from runjd.errors import LimitReached
from runjd.logs.contract import LogFile, LogWriter
from runjd.logs.formats.contract import Encoding
from runjd.policy.settings import LogRule

#: what is told that an outlet, by its name, refuses its lines, or takes them again
Refused = Callable[[str, OSError | None], None]
Outlets = Callable[[str, LogRule, Refused], list[tuple[Encoding, LogRule, LogFile]]]


class LogRoom:
    """
    What the logs of all jails share.

    :param directory: where they lie, absolute.
    :param now: wall time in seconds.
    :param in_thread: calls a function beside the reactor, as ``twisted.internet.threads.deferToThread``.
    :param outlets: returns where else the output of a jail goes by its rule: how it is encoded, by which rule, and
        what takes it.
    :param readers_max: logs that may be read at the same time, each with a descriptor of its own.
    """

    def __init__(
        self,
        directory: str,
        writer: LogWriter,
        clock: IReactorTime,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[Any]],
        outlets: Outlets | None = None,
        readers_max: int = 256,
    ) -> None:
        self.directory = directory
        self.writer = writer
        self.clock = clock
        self.now = now
        self.in_thread = in_thread
        self.outlets: Outlets = outlets or _no_outlets
        self._readers_max = readers_max
        self._readers = 0

    def take_reader(self) -> None:
        """Somebody reads a log. :raise LimitReached: too many do already."""
        if self._readers >= self._readers_max:
            raise LimitReached(f"{self._readers} logs are being read already; end one of them first")
        self._readers += 1

    def give_reader(self) -> None:
        """Somebody has let go of a log."""
        self._readers -= 1

    def path(self, id: str) -> str:
        """Return the log of a jail whose id was checked."""
        return os.path.join(self.directory, f"{id}.log")


def _no_outlets(id: str, rule: LogRule, refused: Refused) -> list[tuple[Encoding, LogRule, LogFile]]:
    return []
