"""
Trying out whether the daemon that is installed now could take our place.

It is run in a child as we were run, with ``--check``: it loads all that it needs, reads the
configuration and every record, and says so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from runjd.errors import InputOutput, RunjdError, TimedOut, WrongState

#: seconds that it may take
LIMIT = 30.0
#: what makes a daemon say whether it could start
OPTION = "--check"
#: what it says, around its version
SAID = ("runjd ", " can start")
_MAX = 65536
_UNCHANGED = "nothing was changed: repair the installation, and upgrade again"


def rehearse(reactor: Any, command: Sequence[str], directory: str) -> Deferred[str]:
    """
    Try the daemon out that is installed now.

    :param reactor: for the process and its time limit.
    :param command: a path and arguments, as it would be executed.
    :param directory: in which it would be.
    :return: its version; fails with what is wrong with it.
    """
    child = _Child(reactor, command[0])
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        words = [*command, OPTION]
        reactor.spawnProcess(child, words[0], words, None, directory, childFDs={0: nothing, 1: "r", 2: "r"})
    except OSError as error:
        child.fail(InputOutput(f"{command[0]} cannot be tried out: {error.strerror}; {_UNCHANGED}"))
    finally:
        os.close(nothing)
    return child.result


class _Child(ProcessProtocol):
    """The other version."""

    def __init__(self, reactor: Any, program: str) -> None:
        self.result: Deferred[str] = Deferred()
        self._program = program
        self._said = b""
        self._complaint = b""
        self._limit: IDelayedCall = reactor.callLater(LIMIT, self._too_late)

    def fail(self, error: RunjdError) -> None:
        """It could not even be begun."""
        self._limit.cancel()
        self.result.errback(error)

    def outReceived(self, data: bytes) -> None:
        self._said = (self._said + data)[-_MAX:]

    def errReceived(self, data: bytes) -> None:
        self._complaint = (self._complaint + data)[-_MAX:]

    def processEnded(self, reason: Failure) -> None:
        if self._limit.active():
            self._limit.cancel()
        elif not self.result.called:
            self.result.errback(TimedOut(f"{self._program} did not say in {LIMIT:g} s if it can start; {_UNCHANGED}"))
            return
        before, after = SAID
        last = _last_line(self._said)
        if isinstance(reason.value, ProcessDone) and last.startswith(before) and last.endswith(after):
            self.result.callback(last[len(before) : -len(after)])
            return
        why = _last_line(self._complaint) or last or reason.getErrorMessage()
        why = why.removeprefix("runjd: ")[:300]
        self.result.errback(WrongState(f"{self._program} cannot take over from this daemon: {why}; {_UNCHANGED}"))

    def _too_late(self) -> None:
        if self.transport is not None:
            self.transport.signalProcess("KILL")


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
