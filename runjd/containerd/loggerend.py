"""The end of programs that read what a process writes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from runjd.errors import RunjdError
from runjd.kernel.process import is_alive
from runjd.supervise.wholefiles import read_json, write_whole

#: seconds after the end of a process until its logger, which has read the end by then, is sent SIGTERM, and SIGKILL
_STEPS = ((2.0, signal.SIGTERM), (12.0, signal.SIGKILL))


class LoggerEnds:
    """
    Sees to it that loggers end, some time; those that are to end are written down, for the next daemon.

    :param now: wall time in seconds.
    :param path: of the file.
    """

    _log = Logger()

    def __init__(self, clock: Any, now: Callable[[], float], path: str) -> None:
        self._clock = clock
        self._now = now
        self._path = path
        #: by pid and start time: when the process was gone that the logger reads of
        self._ending: dict[tuple[int, int], float] = {}
        self._timers: set[Any] = set()

    def resume(self) -> None:
        """Go on where the last daemon stopped."""
        try:
            for pid, start, gone in read_json(self._path):
                self._set(int(pid), int(start), float(gone))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            self._log.error("{path}: {error}; some loggers are not ended", path=self._path, error=error)
        self._keep()

    def begin(self, logger: Sequence[int]) -> None:
        """
        The process is gone that this logger reads of.

        :param logger: pid and start time; empty: there is none.
        """
        if logger:
            self._set(logger[0], logger[1], self._now())
            self._keep()

    def stop(self) -> None:
        """The daemon ends."""
        for each in self._timers:
            each.cancel()
        self._timers.clear()

    def _set(self, pid: int, start: int, gone: float) -> None:
        self._ending[pid, start] = gone
        since = max(0.0, self._now() - gone)  # a clock that was set back makes nobody wait longer
        for seconds, signum in _STEPS:
            self._later(max(0.0, seconds - since), pid, start, signum)

    def _later(self, seconds: float, pid: int, start: int, signum: int) -> None:
        def due() -> None:
            self._timers.discard(timer)
            try:
                if is_alive(pid, start):
                    os.kill(pid, signum)
                    if signum != signal.SIGKILL:
                        return
            except OSError:
                pass
            if self._ending.pop((pid, start), None) is not None:
                self._keep()

        timer = self._clock.callLater(seconds, due)
        self._timers.add(timer)

    def _keep(self) -> None:
        try:
            if not self._ending:
                os.unlink(self._path)
                return
            write_whole(self._path, json.dumps([[*who, gone] for who, gone in self._ending.items()]).encode("ascii"))
        except FileNotFoundError:
            return
        except (OSError, RunjdError) as error:
            self._log.error("loggers that are to end: {error}", error=error)
