"""What the logs of all jails share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from runjd.logs.contract import LogWriter


class LogRoom:
    """
    What the logs of all jails share.

    :param directory: where they lie, absolute.
    :param now: wall time in seconds.
    :param in_thread: calls a function beside the reactor, as ``twisted.internet.threads.deferToThread``.
    """

    def __init__(
        self,
        directory: str,
        writer: LogWriter,
        clock: IReactorTime,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[Any]],
    ) -> None:
        self.directory = directory
        self.writer = writer
        self.clock = clock
        self.now = now
        self.in_thread = in_thread

    def path(self, id: str) -> str:
        """Return the log of a jail whose id was checked."""
        return os.path.join(self.directory, f"{id}.log")
