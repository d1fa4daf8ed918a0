"""
Having all pages for ourselves again, once nobody wants anything.

A fork leaves every page shared, and the first write to each then takes a fault: of the
news of an end, which comes at any time later, half of what it took the keeper was 170 of
them.  So they are taken back ahead, as soon as forks do not follow one another.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.keeper.loop import Loop, Timer

#: seconds after a fork, in which a worker that waits has taken pages of its own, so that none has to be copied here
_DELAY = 0.02


class Reclaiming:
    """
    Takes pages back.

    :param own: see :func:`runjd.kernel.ownpages.own_pages`.
    """

    def __init__(self, loop: Loop, own: Callable[[Callable[[], bool]], None]) -> None:
        self._loop = loop
        self._own = own
        self._timer: Timer | None = None

    def forked(self) -> None:
        """Another process has our pages, too."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_DELAY, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._own(self._is_wanted)

    def _is_wanted(self) -> bool:
        """Whether there is something to do, after which we go on."""
        if self._timer is None and self._loop.is_wanted():
            self.forked()
        return self._timer is not None
