"""How far a transfer is: a bar on a terminal; elsewhere a line at the end."""

from __future__ import annotations

import time

from runjd.cli.output import standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: seconds between two bars
_SOON = 0.1
_WIDTH = 30
_MIB = 1 << 20


class Progress:
    """
    Shows how far a transfer is on standard error.

    :param environment: NO_COLOR, TERM and COLUMNS are heeded.
    :param clock: seconds from anywhere.
    """

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._output = standard(2, environment)
        self._is_bar = self._output.is_terminal and environment.get("TERM") != "dumb"
        self._clock = clock
        self._next = 0.0
        self._begun = 0.0
        self._first = 0
        self._done = 0
        self._total = 0

    def begin(self, done: int, total: int) -> None:
        """
        Begin with so many bytes of so many.

        :param total: 0 where that is not known.
        """
        self._first = self._done = done
        self._total = total
        self._begun = self._clock()
        self._next = self._begun

    def add(self, count: int) -> None:
        """Note that so many more bytes came."""
        self._done += count
        now = self._clock()
        if self._is_bar and now >= self._next:
            self._next = now + _SOON
            self._show(now)

    def end(self) -> None:
        """Show the last state, and leave the line."""
        self._show(self._clock())
        if self._is_bar:
            self._write("\n")

    def _show(self, now: float) -> None:
        text = line(self._done, self._total, self._done - self._first, now - self._begun)
        if not self._is_bar:
            self._write(f"{text}\n")
            return
        width = (self._output.width or 80) - 1
        drawn = ""
        if self._total and width > len(text) + _WIDTH + 3:
            drawn = self._output.styled(bar(self._done, self._total), "good") + " "
        self._write(f"\r{drawn}{text[:width]}\x1b[K")

    def _write(self, text: str) -> None:
        try:
            self._output.write(text)
        except OSError:
            # nobody looks; the transfer is what counts
            pass


def bar(done: int, total: int) -> str:
    """Return a bar."""
    filled = min(_WIDTH, done * _WIDTH // total)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"


def line(done: int, total: int, moved: int, seconds: float) -> str:
    """
    Return how far it is in words.

    :param moved: bytes that came in so many ``seconds``.
    """
    rate = moved / seconds if seconds > 0 else 0.0
    parts = [f"{done / _MIB:.1f} of {total / _MIB:.1f} MiB" if total else f"{done / _MIB:.1f} MiB"]
    if total:
        parts.insert(0, f"{done * 100 // total:3d}%")
    if rate:
        parts.append(f"{rate / _MIB:.1f} MiB/s")
        if total > done:
            left = int((total - done) / rate)
            parts.append(f"{left // 60}:{left % 60:02d} left")
    return "  ".join(parts)
