"""
The configuration of a daemon: read at its start, and again when that is asked for.

Files are read off the reactor.  Of reloads that are asked for while one is under way
only one more follows, whose outcome all who asked are told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.config.difference import Difference
from runjd.config.faults import ConfigError
from runjd.config.model import Configuration
from runjd.errors import InputOutput, RunjdError
from runjd.interfaces import IConfiguration
from runjd.supervise.causes import CONFIG, SIGNAL
from runjd.supervise.events import EventLog
from runjd.supervise.inforce import InForce, Replaced

#: faults that are told in the daemon's log; "runjctl check" tells all
_LOGGED = 20


@implementer(IConfiguration)
class LiveConfiguration:
    """
    The configuration of a daemon.

    :param read: reads all files, and is told whether jails.d must be there; blocks.
    :param first: what was read at the start, or what was wrong with it: then the jails stay as they are known.
    :param in_thread: calls what blocks.
    :param tune: is told what is in force, for what the daemon itself takes of it at once.
    :param reloading: is told that a reload begins, and that it is over.
    """

    _log = Logger()

    def __init__(
        self,
        in_force: InForce,
        events: EventLog,
        read: Callable[[bool], Configuration],
        first: Configuration | ConfigError,
        in_thread: Callable[..., Deferred[Any]],
        tune: Callable[[Configuration], None],
        reloading: Callable[[bool], None],
    ) -> None:
        self._in_force = in_force
        self._events = events
        self._read = read
        self._first = first
        self._in_thread = in_thread
        self._tune = tune
        self._reloading = reloading
        self._waiting: list[Deferred[Difference]] = []
        self._by = ""
        self._is_busy = True  # until it has begun

    @property
    def in_force(self) -> Configuration:
        """What is in force."""
        return self._in_force.now

    def begin(self) -> Deferred[None]:
        """
        Define what was read at the start, and forget what is configured no more; call it once, with a keeper.

        :return: fires in any case: what cannot be done is told, and keeps no client waiting.
        """

        def done(outcome: Replaced | Failure) -> None:
            if isinstance(outcome, Failure):
                self._tell_failure(outcome, CONFIG)
            else:
                self._tell_problems(outcome)
            self._is_busy = False
            self._next()

        return Deferred.fromCoroutine(self._begin()).addBoth(done)

    def end(self) -> None:
        """Take no other configuration any more."""
        self._in_force.end()

    def hang_up(self, told: Callable[[str], object]) -> None:
        """
        SIGHUP came.

        :param told: called with ``ok``, or the code of an error; the log has the words.
        """
        self.reload(SIGNAL).addCallbacks(lambda _: told("ok"), lambda failure: told(_code_of(failure.value)))

    def compare(self) -> Deferred[Difference]:
        return Deferred.fromCoroutine(self._compare())

    def reload(self, by: str) -> Deferred[Difference]:
        try:
            self._in_force.refuse_end()
        except RunjdError as error:
            return fail(error)
        waiter: Deferred[Difference] = Deferred()
        self._waiting.append(waiter)
        self._by = self._by or by
        self._next()
        return waiter

    def _next(self) -> None:
        """Begin a reload for all who wait for one."""
        if self._is_busy or not self._waiting:
            return
        self._is_busy = True
        waiting, self._waiting = self._waiting, []
        by, self._by = self._by, ""

        def done(outcome: Replaced | Failure) -> None:
            self._is_busy = False
            self._reloading(False)
            if isinstance(outcome, Failure):
                self._tell_failure(outcome, by)
                answer: Difference | Failure = outcome
            else:
                self._tell(outcome.difference, by)
                problem = self._tell_problems(outcome)
                answer = outcome.difference if problem is None else Failure(problem)  # type: ignore[no-untyped-call]
            for waiter in waiting:
                waiter.callback(answer)
            self._next()

        self._reloading(True)
        Deferred.fromCoroutine(self._reload(by)).addBoth(done)

    async def _begin(self) -> Replaced:
        self._in_force.recall()
        if isinstance(self._first, ConfigError):
            raise self._first
        self._in_force.refuse_taken(self._first)
        return await self._take(self._in_force.begin, self._first, CONFIG)

    async def _compare(self) -> Difference:
        return await self._in_force.compare(await self._load())

    async def _reload(self, by: str) -> Replaced:
        return await self._take(self._in_force.replace, await self._load(), by)

    async def _load(self) -> Configuration:
        new: Configuration = await self._in_thread(self._read, self._in_force.has_directory)
        self._in_force.refuse_taken(new)
        return new

    async def _take(
        self, put: Callable[[Configuration, str], Awaitable[Replaced]], new: Configuration, by: str
    ) -> Replaced:
        replaced = await put(new, by)
        self._tune(new)
        return replaced

    def _tell(self, found: Difference, by: str) -> None:
        numbers = {
            "added": len(found.added),
            "removed": len(found.removed),
            "changed": len(found.changed),
            "unchanged": found.unchanged,
        }
        shown = ", ".join(f"{number} {word}" for word, number in numbers.items())
        self._log.info("the configuration was reloaded: {shown}", shown=shown)
        self._events.emit("", "reload", {"state": "done", **numbers, "by": by})

    def _tell_problems(self, replaced: Replaced) -> RunjdError | None:
        """Tell which jails could not be changed; return it as one error."""
        if not replaced.problems:
            return None
        for each in replaced.problems[:_LOGGED]:
            self._log.error("{problem}", problem=each)
        others = len(replaced.problems) - 1
        more = f", and {others} more could not be changed" if others else ""
        return InputOutput(f"the configuration is in force, but: {replaced.problems[0]}{more}; reload again")

    def _tell_failure(self, failure: Failure, by: str) -> None:
        error = failure.value
        if not isinstance(error, RunjdError):
            self._log.failure("the configuration could not be taken", failure)
        if isinstance(error, ConfigError):
            for fault in error.faults[:_LOGGED]:
                self._log.error("{fault}", fault=str(fault))
        self._log.error("the configuration stays as it was: {error}", error=error)
        self._events.emit("", "reload", {"state": "failed", "by": by, "reason": str(error)})


def _code_of(error: BaseException) -> str:
    return error.code if isinstance(error, RunjdError) else "INTERNAL"
