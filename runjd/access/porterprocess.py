"""
The porter as a process of ours: what it says beside its connections is bounded, as it may be anybody's.

It is killed where it does not say for long that it is alive.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.access.heartbeat import MISSES, Heartbeat
from runjd.access.porter.word import ALIVE, ASK, READY, printable

#: seconds until it takes connections, on the slowest of machines
START_LIMIT = 60.0
#: bytes and lines of all that it may say on standard output, but for answers
_SAID_MAX, _LINES_MAX = 4096, 16
#: bytes that it may say as an error, and that are kept of them
_WRONG_MAX, _WRONG_LEFT = 65_536, 1024

_log = Logger(namespace="runjd.access")


class PorterProcess(ProcessProtocol):
    """
    One porter.

    :param ended: called with it, and with how.
    :param told: what it is told first.
    :param interval: seconds between questions whether it is alive.
    """

    transport: Any

    def __init__(
        self, clock: IReactorTime, ended: Callable[[PorterProcess, str], None], told: str, interval: float
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._ended = ended
        self._told = told
        self._said = b""
        self._said_bytes = self._said_lines = 0
        self._wrong = b""
        self._wrong_bytes = 0
        self._heartbeat = Heartbeat(clock, interval, self._ask, self._silent)
        self._hears = True
        self._start_limit: Any = None

    def connectionMade(self) -> None:
        self.transport.write(self._told.encode("ascii") + b"\n")
        self._told = ""
        self._start_limit = self._clock.callLater(START_LIMIT, self._not_ready)

    def outReceived(self, data: bytes) -> None:
        self._said_bytes += len(data)
        *lines, self._said = (self._said + data).split(b"\n")
        for line in lines:
            if line == ALIVE.encode("ascii") and self._heartbeat.is_awaited:
                self._heartbeat.answered()
                self._said_bytes -= len(line) + 1
                continue
            self._said_lines += 1
            if self._said_lines <= _LINES_MAX:
                self._take(line)
        if self._said_bytes > _SAID_MAX or self._said_lines > _LINES_MAX:
            self._said = b""
            self.transport.closeStdout()

    def _take(self, line: bytes) -> None:
        if line == READY.encode("ascii"):
            if self._stop_waiting():
                self._heartbeat.start()
                _log.info("process {pid} speaks TLS", pid=self.transport.pid)
        else:
            said = printable(line.decode("utf-8", "replace"))
            _log.warn("the process that speaks TLS keeps a right: {line}", line=said)

    def errReceived(self, data: bytes) -> None:
        self._wrong_bytes += len(data)
        self._wrong = (self._wrong + data)[-_WRONG_LEFT:]
        if self._wrong_bytes > _WRONG_MAX:
            self.transport.closeStderr()

    def inConnectionLost(self) -> None:
        self._hears = False

    def processEnded(self, reason: Failure) -> None:
        self._stop_waiting()
        self._heartbeat.stop()
        words = [each for each in self._wrong.decode("utf-8", "replace").splitlines() if each.strip()]
        self._ended(self, printable(": ".join([reason.getErrorMessage(), *words[-1:]])))

    def reap(self) -> bool:
        """Return whether it is over, and nothing is left of it; for when no reactor runs any more."""
        if self.transport.pid is not None:
            self.transport.reapProcess()
        return self.transport.pid is None

    def kill(self) -> None:
        """End it; nothing to do where it has ended, and its last words are still to be read."""
        if self.transport.pid is not None:
            os.kill(self.transport.pid, signal.SIGKILL)

    def _ask(self) -> None:
        if self._hears:
            self.transport.write(ASK)

    def _silent(self) -> None:
        _log.error(
            "the process that speaks TLS, {pid}, has given no sign of life for {seconds:.0f} s, and is killed",
            pid=self.transport.pid,
            seconds=self._interval * MISSES,
        )
        self.kill()

    def _not_ready(self) -> None:
        self._start_limit = None
        _log.error(
            "process {pid} did not speak TLS within {seconds:.0f} s, and is killed",
            pid=self.transport.pid,
            seconds=START_LIMIT,
        )
        self.kill()

    def _stop_waiting(self) -> bool:
        """Return whether it was waited for that it is ready."""
        call, self._start_limit = self._start_limit, None
        if call is not None:
            call.cancel()
        return call is not None
