"""The end of programs that read what a process writes."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from runjd.kernel.process import is_alive

#: seconds after the end of a process until its logger, which has read the end by then, is sent SIGTERM, and SIGKILL
_STEPS = ((2.0, signal.SIGTERM), (12.0, signal.SIGKILL))


class LoggerEnds:
    """Sees to it that loggers end, some time."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._timers: set[Any] = set()

    def begin(self, logger: Sequence[int]) -> None:
        """
        The process is gone that this logger reads of.

        :param logger: pid and start time; empty: there is none.
        """
        if logger:
            for seconds, signum in _STEPS:
                self._later(seconds, logger[0], logger[1], signum)

    def stop(self) -> None:
        """The daemon ends."""
        for each in self._timers:
            each.cancel()
        self._timers.clear()

    def _later(self, seconds: float, pid: int, start: int, signum: int) -> None:
        def due() -> None:
            self._timers.discard(timer)
            try:
                if is_alive(pid, start):
                    os.kill(pid, signum)
            except OSError:
                return

        timer = self._clock.callLater(seconds, due)
        self._timers.add(timer)
