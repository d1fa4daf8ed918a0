"""The porter as a process of ours: what it says beside its connections is bounded, as it may be anybody's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.access.porter.word import READY, printable

#: bytes and lines of all that it may say on standard output
_SAID_MAX, _LINES_MAX = 4096, 16
#: bytes that it may say as an error, and that are kept of them
_WRONG_MAX, _WRONG_LEFT = 65_536, 1024

_log = Logger(namespace="runjd.access")


class PorterProcess(ProcessProtocol):
    """
    One porter.

    :param ended: called with it, and with how.
    :param told: what it is told first.
    """

    transport: Any

    def __init__(self, ended: Callable[[PorterProcess, str], None], told: str) -> None:
        self._ended = ended
        self._told = told
        self._said = b""
        self._said_bytes = self._said_lines = 0
        self._wrong = b""
        self._wrong_bytes = 0

    def connectionMade(self) -> None:
        self.transport.write(self._told.encode("ascii"))
        self._told = ""
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._said_bytes += len(data)
        *lines, self._said = (self._said + data).split(b"\n")
        self._said_lines += len(lines)
        if self._said_bytes > _SAID_MAX or self._said_lines > _LINES_MAX:
            self._said = b""
            self.transport.closeStdout()
            return
        for line in lines:
            if line == READY.encode("ascii"):
                _log.info("process {pid} speaks TLS", pid=self.transport.pid)
            else:
                said = printable(line.decode("utf-8", "replace"))
                _log.warn("the process that speaks TLS keeps a right: {line}", line=said)

    def errReceived(self, data: bytes) -> None:
        self._wrong_bytes += len(data)
        self._wrong = (self._wrong + data)[-_WRONG_LEFT:]
        if self._wrong_bytes > _WRONG_MAX:
            self.transport.closeStderr()

    def processEnded(self, reason: Failure) -> None:
        words = [each for each in self._wrong.decode("utf-8", "replace").splitlines() if each.strip()]
        self._ended(self, printable(": ".join([reason.getErrorMessage(), *words[-1:]])))

    def reap(self) -> bool:
        """Return whether it is over, and nothing is left of it; for when no reactor runs any more."""
        if self.transport.pid is not None:
            self.transport.reapProcess()
        return self.transport.pid is None

    def kill(self) -> None:
        """End it; it is still there, as somebody would have reaped it."""
        os.kill(self.transport.pid, signal.SIGKILL)
