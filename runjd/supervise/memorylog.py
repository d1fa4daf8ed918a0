"""A log that is a list, under the contract of :class:`runjd.interfaces.ILog`."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from runjd.errors import Cancelled
from runjd.interfaces import ILog
from runjd.policy.facts import LogLine, LogPage


@implementer(ILog)
class MemoryLog:
    """
    Lines in memory; a position is the number of lines before it.

    :param stamp: the time of a line, RFC 3339.
    """

    def __init__(self, stamp: Callable[[], str] = lambda: "2025-11-23T15:01:20.102000000Z") -> None:
        self.lines: list[LogLine] = []
        self._stamp = stamp
        self._partial = {"out": b"", "err": b""}
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def append(self, stream: str, data: bytes) -> None:
        """Log what a program wrote; an unfinished line is kept until its rest comes."""
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

    def tail(self, lines: int) -> Deferred[int]:
        return succeed(max(0, len(self.lines) - lines))

    def read(self, position: int, limit: int) -> Deferred[LogPage]:
        found: list[LogLine] = []
        size = 0
        for line in self.lines[max(0, position) :]:
            if found and size + len(line.text) > limit:
                break
            found.append(line)
            size += len(line.text) + 48
        return succeed(LogPage(tuple(found), max(0, position) + len(found)))

    def when_grown(self, position: int) -> Deferred[None]:
        if len(self.lines) > position:
            return succeed(None)

        def cancel(waiting: Deferred[None]) -> None:
            self._waiting[:] = [each for each in self._waiting if each[1] is not waiting]
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[None] = Deferred(cancel)
        self._waiting.append((position, waiting))
        return waiting

    def _tell(self) -> None:
        grown = [each for each in self._waiting if each[0] < len(self.lines)]
        self._waiting = [each for each in self._waiting if each not in grown]
        for _position, waiting in grown:
            waiting.callback(None)
