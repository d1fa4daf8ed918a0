"""What the logs of all jails share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

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
    """

    def __init__(
        self,
        directory: str,
        writer: LogWriter,
        clock: IReactorTime,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[Any]],
        outlets: Outlets | None = None,
    ) -> None:
        self.directory = directory
        self.writer = writer
        self.clock = clock
        self.now = now
        self.in_thread = in_thread
        self.outlets: Outlets = outlets or _no_outlets

    def path(self, id: str) -> str:
        """Return the log of a jail whose id was checked."""
        return os.path.join(self.directory, f"{id}.log")


def _no_outlets(id: str, rule: LogRule, refused: Refused) -> list[tuple[Encoding, LogRule, LogFile]]:
    return []
