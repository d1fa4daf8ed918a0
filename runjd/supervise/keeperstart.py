"""Starting a keeper: our child until we die, and nobody's business afterwards."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence

from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

import runjd

#: what a keeper needs of our environment; jails get none of it
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")


class KeeperStart:
    """
    Starts keepers.

    :param command: the program and its arguments.
    :param limits: soft and hard limit of descriptors that this daemon was started with; jails inherit them
        from the keeper, so a keeper gets them as they were.
    """

    def __init__(self, reactor: IReactorProcess, command: Sequence[str], limits: tuple[int, int]) -> None:
        self._reactor = reactor
        self._command = tuple(command)
        self._limits = limits

    def __call__(self) -> None:
        """Start one; that it listens is not waited for."""
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        ours = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._limits[0], ours[1]))
            self._reactor.spawnProcess(
                _Keeper(), self._command[0], self._command, environment, "/", childFDs={0: nothing, 1: nothing, 2: "r"}
            )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, ours)
            os.close(nothing)


class _Keeper(ProcessProtocol):
    """Tells what a keeper says on standard error, which is why it could not start."""

    _log = Logger()

    def errReceived(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            self._log.error("keeper: {line}", line=line)

    def processExited(self, reason: Failure) -> None:
        # One that could start has left a child behind, which is the keeper.
        if not isinstance(reason.value, ProcessDone):
            self._log.error("no keeper could be started: {reason}", reason=reason.getErrorMessage())


def keeper_command(keeper: str | None, state: str, beside: str) -> list[str]:
    """
    Return the command that starts a keeper.

    :param keeper: the program, if it was named.
    :param beside: the program whose directory may have runjd-keeper.
    """
    options = ["--root", f"{state}/state", "--dir", f"{state}/keeper"]
    program = keeper or os.path.join(os.path.dirname(os.path.abspath(beside)), "runjd-keeper")
    if os.access(program, os.X_OK):
        return [program, *options]
    packages = os.path.dirname(os.path.dirname(os.path.abspath(runjd.__file__)))
    start = (
        "import sys; sys.path.append(sys.argv.pop(1)); from runjd.keeper.main import main; sys.exit(main(sys.argv[1:]))"
    )
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", start, packages, *options]
