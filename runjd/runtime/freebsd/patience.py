"""Waiting for what the kernel does when it has time."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: seconds between two attempts
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05


class Patience:
    """
    Waits between attempts.

    :param sleep: and ``now``: in seconds of a clock that only runs forward.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic) -> None:
        self._sleep = sleep
        self._now = now

    def attempts(self, seconds: float) -> Iterator[bool]:
        """Yield for each attempt whether it is the last one; what succeeds is to leave the loop."""
        deadline = self._now() + seconds
        pause = _FIRST_PAUSE
        while not (is_last := self._now() >= deadline):
            yield is_last
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        yield is_last
