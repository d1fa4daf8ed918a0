"""
A line of a jail's output that says that it is ready.

Whole lines are matched, so that no match depends on how the output was read; of a
long one the beginning counts.  The pattern is the administrator's, the lines are the
jail's: what a line costs is bounded by what patterns are taken, and what a read costs
by time.  Lines beyond that are not looked at: the jail that writes them waits for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from runjd.policy.linepattern import LINE_MAX, begins_anywhere

#: seconds of the processor that the lines of one read may take; the last of them may take longer
READ_TIME = 0.01


class LineMatch:
    """
    Looks for one line, in each stream for itself.

    :param pattern: a regular expression, searched for within a line.
    :param clock: tells the seconds that we had the processor, so that a busy machine hides no line.
    """

    __slots__ = ("_clock", "_rests", "_search")

    def __init__(self, pattern: str, clock: Callable[[], float]) -> None:
        compiled = re.compile(pattern)
        self._search = compiled.match if begins_anywhere(pattern) else compiled.search
        self._clock = clock
        self._rests: dict[str, bytes] = {}

    def feed(self, stream: str, data: bytes) -> bool:
        """Take output of a stream; return whether a line that ended in it matches."""
        first, newline, more = data.partition(b"\n")
        rest = self._rests.get(stream, b"")
        if len(rest) < LINE_MAX:
            rest += first[: LINE_MAX - len(rest)]
        if not newline:
            self._rests[stream] = rest
            return False
        *lines, last = more.split(b"\n")
        self._rests[stream] = last[:LINE_MAX]
        return self._any_matches([rest, *lines])

    def _any_matches(self, lines: Iterable[bytes]) -> bool:
        end = self._clock() + READ_TIME
        for line in lines:
            if self._matches(line[:LINE_MAX]):
                return True
            if self._clock() >= end:
                break
        return False

    def _matches(self, line: bytes) -> bool:
        return self._search(line.removesuffix(b"\r").decode("utf-8", "replace")) is not None
