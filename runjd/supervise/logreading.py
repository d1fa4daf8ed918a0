"""A reader of a log beside the reactor: reading is done in threads, and waiting for more by the one who writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredLock, fail
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import Cancelled, RunjdError
from runjd.interfaces import ILogReader
from runjd.logs.reading.reader import LogReader
from runjd.policy.facts import LogPage, LogPosition, LogQuery


class Watched(Protocol):
    """The log that is read."""

    @property
    def end(self) -> RunjdError | None:
        """Why nothing more comes, None while something may."""

    def watch(self, reading: LogReading) -> None:
        """Tell this reading when something was written."""

    def unwatch(self, reading: LogReading) -> None:
        """Tell this reading of nothing more."""

    def not_read(self) -> None:
        """A reading that was begun came to nothing."""


def open_reading(
    log: Watched, in_thread: Callable[..., Deferred[Any]], path: str, form: str, query: LogQuery, follow: bool
) -> Deferred[ILogReader]:
    """Begin to read a log; see :class:`runjd.logs.reading.reader.LogReader`. It may be cancelled."""

    def give_up(result: Deferred[ILogReader]) -> None:
        result.errback(Cancelled("no longer waited for"))

    def opened(reader: LogReader) -> None:
        if result.called:  # nobody waits for it
            reader.close()
            log.not_read()
            return
        reading = LogReading(log, reader, in_thread)
        log.watch(reading)
        result.callback(reading)

    def failed(failure: Failure) -> None:
        log.not_read()
        if not result.called:
            result.errback(failure)

    result: Deferred[ILogReader] = Deferred(give_up)
    in_thread(LogReader, path, form, query, follow).addCallbacks(opened, failed)
    return result


@implementer(ILogReader)
class LogReading:
    """
    :param log: tells by :meth:`grew` when something was written.
    :param in_thread: calls a function beside the reactor.
    """  # noqa: D205

    __slots__ = ("_in_thread", "_lock", "_log", "_reader", "_waiting")

    def __init__(self, log: Watched, reader: LogReader, in_thread: Callable[..., Deferred[Any]]) -> None:
        self._log = log
        self._reader = reader
        self._in_thread = in_thread
        self._lock = DeferredLock()
        self._waiting: Deferred[None] | None = None

    @property
    def position(self) -> LogPosition:
        return self._reader.position

    def read(self, limit: int) -> Deferred[LogPage]:
        return self._beside(self._reader.read, limit)

    def when_grown(self) -> Deferred[None]:
        if self._log.end is not None:
            return fail(self._log.end)

        def cancel(waiting: Deferred[None]) -> None:
            self._waiting = None
            waiting.errback(Cancelled("no longer waited for"))

        def looked(has_grown: bool) -> None:
            if has_grown and self._waiting is waiting:
                self.grew()

        def failed(failure: Failure) -> None:
            if self._waiting is waiting:
                self._waiting = None
                waiting.errback(failure)

        waiting: Deferred[None] = Deferred(cancel)
        self._waiting = waiting
        # Others may have written, cut or removed the log since it was read, and so may have we.
        self._beside(self._reader.has_grown).addCallbacks(looked, failed)
        return waiting

    def close(self) -> None:
        self._log.unwatch(self)
        self._lock.run(self._reader.close)

    def _beside(self, call: Callable[..., Any], *words: object) -> Deferred[Any]:
        """
        Call it beside the reactor, behind all that was called before.

        What was begun in a thread cannot be cancelled: who gives up does not hear of it, and the file stays
        open until it is over.
        """
        result: Deferred[Any] = Deferred()
        self._lock.run(lambda: self._in_thread(call, *words).addCallbacks(result.callback, result.errback))
        return result

    def grew(self) -> None:
        """Something was written."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def gone(self, error: RunjdError) -> None:
        """Nothing more comes."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(error)
