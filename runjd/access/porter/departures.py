"""
Connections that are about to end, whose other end has not closed them yet.

A connection by TLS ends when both sides have said so.  Who never does would keep a descriptor of the porter for as
long as he likes, and who showed a certificate that no rule names is done at once and can come again: so there are few
of them, and they have a while in which the rest is sent.
"""

from __future__ import annotations

from collections.abc import Callable

from runjd.keeper.loop import Loop, Timer


class Departures:
    """
    Few connections that leave.

    :param places: how many there may be; the first of more is cut off.
    :param patience: seconds that each has.
    """

    def __init__(self, loop: Loop, places: int, patience: float) -> None:
        self._loop = loop
        self._places = places
        self._patience = patience
        self._leaving: dict[Callable[[], None], Timer] = {}

    def begin(self, cut_off: Callable[[], None]) -> None:
        """Have a connection end in a while, or be cut off; where that was said before, it stays so."""
        if cut_off in self._leaving:
            return
        if len(self._leaving) >= self._places:
            self._cut_off(next(iter(self._leaving)))
        self._leaving[cut_off] = self._loop.call_later(self._patience, lambda: self._cut_off(cut_off))

    def end(self, cut_off: Callable[[], None]) -> None:
        """A connection has ended."""
        timer = self._leaving.pop(cut_off, None)
        if timer is not None:
            timer.cancel()

    def _cut_off(self, cut_off: Callable[[], None]) -> None:
        self.end(cut_off)
        cut_off()
