"""A log that is a list, under the contract of :class:`runjd.interfaces.ILog`."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from runjd.errors import BadArgument, Cancelled, RunjdError
from runjd.interfaces import ILog, ILogReader
from runjd.policy.facts import LogLine, LogPage, LogPosition, LogQuery


@implementer(ILog)
class MemoryLog:
    """
    Lines in memory; a position is the number of lines before it.

    :param stamp: the time of a line, RFC 3339.
    """

    def __init__(self, stamp: Callable[[], str] = lambda: "2025-11-23T15:01:20.102000000Z") -> None:
        self.lines: list[LogLine] = []
        self.taken = 0
        self._stamp = stamp
        self._partial = {"out": b"", "err": b""}
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def append(self, stream: str, data: bytes) -> None:
        """Log what a program wrote; an unfinished line is kept until its rest comes."""
        self.taken += len(data)
        *whole, self._partial[stream] = (self._partial[stream] + data).split(b"\n")
        self.lines.extend(LogLine(self._stamp(), stream, False, text) for text in whole)
        self._tell()

    def finish(self) -> None:
        """The program ended: an unfinished line is logged as such."""
        for stream, text in self._partial.items():
            if text:
                self.lines.append(LogLine(self._stamp(), stream, True, text))
                self._partial[stream] = b""
        self._tell()

    def tend(self, deed: str) -> Deferred[None]:
        return succeed(None)

    def open(self, query: LogQuery, follow: bool = False) -> Deferred[ILogReader]:
        try:
            return succeed(_MemoryReader(self, query, follow))
        except RunjdError as error:
            return fail(error)

    def settle(self) -> Deferred[None]:
        return succeed(None)

    def wait(self, waiting: Deferred[None], position: int) -> None:
        """Fire once there are more lines than that."""
        if len(self.lines) > position:
            waiting.callback(None)
        else:
            self._waiting.append((position, waiting))

    def forget(self, waiting: Deferred[None]) -> None:
        """Somebody waits no longer."""
        self._waiting[:] = [each for each in self._waiting if each[1] is not waiting]

    def _tell(self) -> None:
        grown = [each for each in self._waiting if each[0] < len(self.lines)]
        self._waiting = [each for each in self._waiting if each not in grown]
        for _position, waiting in grown:
            waiting.callback(None)


@implementer(ILogReader)
class _MemoryReader:
    """Reads a list of lines."""

    def __init__(self, log: MemoryLog, query: LogQuery, follow: bool) -> None:
        count = len(log.lines)
        if query.position is not None and query.position.offset > count:
            raise BadArgument(f"log: since= is behind the end of the log, which is 1:{count}", verb="log", arg="since")
        self._log = log
        self._query = query
        end = next((n for n, line in enumerate(log.lines) if query.until and line.at >= query.until), count)
        self._end = None if follow else end
        begin = query.position.offset if query.position is not None else 0
        begin = max(begin, next((n for n, line in enumerate(log.lines) if line.at >= query.since), count))
        if query.lines is not None:
            meant = [n for n in range(begin, end) if self._is_meant(log.lines[n])]
            begin = end if not query.lines else meant[-query.lines] if len(meant) > query.lines else begin
        self.position = LogPosition(1, begin)

    def read(self, limit: int) -> Deferred[LogPage]:
        found: list[LogLine] = []
        size = 0
        begin = self.position.offset
        for line in self._log.lines[begin : self._end]:
            if found and size + len(line.text) > limit:
                break
            found.append(line)
            size += len(line.text) + 48
        self.position = LogPosition(1, begin + len(found))
        shown = tuple(line for line in found if self._is_meant(line))
        return succeed(LogPage(shown, self.position, not found))

    def when_grown(self) -> Deferred[None]:
        def cancel(waiting: Deferred[None]) -> None:
            self._log.forget(waiting)
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[None] = Deferred(cancel)
        self._log.wait(waiting, self.position.offset)
        return waiting

    def close(self) -> None:
        pass

    def _is_meant(self, line: LogLine) -> bool:
        return not self._query.stream or line.stream == self._query.stream
