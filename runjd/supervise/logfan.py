"""All places that the output of one jail goes to: its log, and perhaps syslog or a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from runjd.logs.contract import LogFile
from runjd.logs.formats.table import FORMATS
from runjd.policy.settings import LogRule
from runjd.protocols.loan import Loan
from runjd.supervise.logintake import LogIntake
from runjd.supervise.logroom import LogRoom
from runjd.supervise.logtrouble import LogTrouble


class Grown(Protocol):
    """Who is told that a log is longer."""

    def grew(self, end: int) -> None:
        """It is so many bytes long."""


class LogFan:
    """
    The way into all of them.

    :param rule: how the log is kept, and where else it goes.
    :param grown: told how long the log is, each time that it is longer.
    :param trouble: told what goes wrong.
    """

    __slots__ = ("_grown", "_id", "_log", "_others", "_room", "_rule", "_trouble")

    def __init__(self, room: LogRoom, id: str, rule: LogRule, grown: Grown, trouble: LogTrouble) -> None:
        self._room = room
        self._id = id
        self._rule = rule
        self._grown = grown
        self._trouble = trouble
        self._log = LogIntake(room, self, FORMATS[rule.format], rule)
        self._others = self._make_others()

    @property
    def takes_loans(self) -> bool:
        """Whether the writer of the log may read the program's output by itself."""
        return not self._others and self._rule.pressure == "block"

    @property
    def taken(self) -> int:
        """Bytes that the program wrote in this life of the daemon."""
        return self._log.taken

    def is_behind(self) -> bool:
        """Whether so much waits to be written somewhere that its jail is not to be started again by itself."""
        return any(intake.is_behind for intake in (self._log, *self._others))

    def write(self, stream: str, data: bytes, done: Callable[[], None], loan: Loan | None = None) -> None:
        """Take in what the program wrote; ``done`` is called once it is in all places. See LogIntake."""
        if not self._others:
            self._log.write(stream, data, done, loan)
            return
        one_done = self._counted(done)
        for intake in (self._log, *self._others):
            intake.write(stream, data, one_done)

    def flush(self, done: Callable[[], None]) -> None:
        """Write what is unfinished; ``done`` is called once all that was given is in the log."""
        for other in self._others:
            other.flush(_nothing)
        self._log.flush(done)

    def flush_everywhere(self, done: Callable[[], None]) -> None:
        """Like :meth:`flush`, but ``done`` is called once all that was given is in all places."""
        one_done = self._counted(done)
        for intake in (self._log, *self._others):
            intake.flush(one_done)

    def flush_in_time(self, limit: float, done: Callable[[], None]) -> None:
        """Like :meth:`flush`, but ``done`` is called after ``limit`` seconds at the latest."""
        waiting = [done]
        late: IDelayedCall | None = None

        def flushed() -> None:
            if late is not None and late.active():
                late.cancel()
            if waiting:
                waiting.pop()()

        self.flush(flushed)
        if waiting:
            late = self._room.clock.callLater(limit, flushed)

    def rest(self) -> None:
        """The program ended: keep no descriptor and no memory for it."""
        for intake in (self._log, *self._others):
            intake.rest()
        self._trouble.stop()

    def abandon(self) -> None:
        """The jail is forgotten."""
        for other in self._others:
            other.abandon()

    def keep(self, rule: LogRule) -> None:
        """Keep the log by another rule from now on."""
        if rule == self._rule:
            return
        self._log.keep(rule, FORMATS[rule.format])  # what is unfinished is written first, by the rule before
        self._rule = rule
        for other in self._others:
            other.rest()
            other.abandon()
        self._trouble.forget_places()
        self._others = self._make_others()

    def tend(self, deed: str) -> Deferred[None]:
        """See :meth:`runjd.interfaces.ILog.tend`."""
        return self._log.tend(deed)

    # --- the log, as a place -----------------------------------------------------------

    def open(self) -> LogFile:
        return self._room.writer.open(self._room.path(self._id), self._rule)

    def grew(self, end: int) -> None:
        self._grown.grew(end)

    def left_out(self, count: int) -> None:
        self._trouble.left_out(count)

    # --- inside ------------------------------------------------------------------------

    def _counted(self, done: Callable[[], None]) -> Callable[[], None]:
        """Return what is to be called once for each place, before ``done`` is called."""
        missing = 1 + len(self._others)

        def one_done() -> None:
            nonlocal missing
            missing -= 1
            if not missing:
                done()

        return one_done

    def _make_others(self) -> tuple[LogIntake, ...]:
        outlets = self._room.outlets(self._id, self._rule, self._trouble.refused)
        return tuple(
            LogIntake(self._room, _Other(file, self._trouble), encoding, rule) for encoding, rule, file in outlets
        )


class _Other:
    """Where else the lines go, which is open, and which nobody reads."""

    __slots__ = ("_file", "_trouble")

    def __init__(self, file: LogFile, trouble: LogTrouble) -> None:
        self._file = file
        self._trouble = trouble

    def open(self) -> LogFile:
        return self._file

    def grew(self, end: int) -> None:
        """Nobody waits for it."""

    def left_out(self, count: int) -> None:
        self._trouble.left_out(count)


def _nothing() -> None:
    pass
