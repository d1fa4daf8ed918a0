"""What the daemon has of memory and does not use, given back now and then."""

from __future__ import annotations

from collections.abc import Callable

#: beats after which the start is over
START = 2
#: beats of the reactor's pulse from one time to the next: seconds, for a millisecond of work
EVERY = 10


class Slack:
    """
    Gives back what is not used.

    :param give_back: called now and then; see :func:`runjd.kernel.heap.give_heap_back`.
    :param give_start_back: called at each beat of the start, as to what only that needed; see
        :meth:`runjd.kernel.filepages.FilePages.give_back`.
    """

    def __init__(self, give_back: Callable[[], None], give_start_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._give_start_back = give_start_back
        self._start = START
        self._beats = 0

    def beat(self) -> None:
        """The reactor goes on."""
        self._beats += 1
        if self._start:
            self._start -= 1
            self._give_start_back()
        if self._beats >= EVERY:
            self._beats = 0
            self._give_back()
