"""A program of the host that gets the log of a jail on its standard input."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.protocols.outlets.pull import PullOutlet

#: what it gets of our environment
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")


class ProgramOutlet(PullOutlet):
    """
    The program, started when there is something to log, and again, with growing delay, when it ended.

    :param jail: told to it as RUNJD_JAIL.
    """

    is_to_stay = True

    def __init__(
        self, reactor: Any, command: Sequence[str], jail: str, refused: Callable[[str, OSError | None], None]
    ) -> None:
        super().__init__(reactor, f"the program {command[0]}", refused)
        self._reactor = reactor
        self._command = tuple(command)
        self._jail = jail

    def connect(self) -> None:
        if not os.access(self._command[0], os.X_OK):  # else its pipe would take what nobody reads
            self.disconnected(OSError(errno.ENOENT, "it is not there, or is no program"))
            return
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["RUNJD_JAIL"] = self._jail
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._reactor.spawnProcess(
                _Program(self), self._command[0], self._command, environment, "/", childFDs={0: "w", 1: nothing, 2: "r"}
            )
        except OSError as error:
            self.disconnected(error)
        finally:
            os.close(nothing)


class _Program(ProcessProtocol):
    """Passes on what it says on standard error."""

    _log = Logger()

    def __init__(self, outlet: ProgramOutlet) -> None:
        self._outlet = outlet

    def connectionMade(self) -> None:
        self._outlet.connected(self.transport)

    def errReceived(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            self._log.warn("{program}: {line}", program=self._outlet.path, line=line)

    def inConnectionLost(self) -> None:
        if self.transport is None or not self._outlet.sends_to(self.transport):
            return  # we closed it
        try:
            self.transport.signalProcess("TERM")  # one that reads no more is of no use
        except ProcessExitedAlready:
            pass

    def processExited(self, reason: Failure) -> None:
        self._outlet.disconnected(OSError(errno.EPIPE, reason.getErrorMessage()), self.transport)
