"""
A line of a jail's output that says that it is ready.

Whole lines are matched, so that no match depends on how the output was read; of a
long one the beginning counts.  The pattern is the administrator's, the lines are the
jail's: the limit bounds what one line costs, whatever it says.
"""

from __future__ import annotations

import re

#: bytes of a line that are looked at
LINE_MAX = 2048


class LineMatch:
    """
    Looks for one line, in each stream for itself.

    :param pattern: a regular expression, searched for within a line.
    """

    __slots__ = ("_pattern", "_rests")

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
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
        if self._matches(rest):
            return True
        *lines, last = more.split(b"\n")
        self._rests[stream] = last[:LINE_MAX]
        return any(self._matches(line[:LINE_MAX]) for line in lines)

    def _matches(self, line: bytes) -> bool:
        return self._pattern.search(line.removesuffix(b"\r").decode("utf-8", "replace")) is not None
