"""
The pulse of the reactor: how late is what was to be done at a certain time.

A reactor that is busy with one thing does nothing else meanwhile: no jail's end is seen, no
client answered.  A call that is due each second and comes late tells for how long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from runjd.values import Value

#: seconds from one beat to the next
BEAT = 1.0
#: seconds by which a beat has to be late to be called a stall
STALL = 1.0
#: upper bounds of delays, in seconds; what is above the last one is counted, too
BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class Lag(Value):
    """
    How late the beats of this life of the daemon were.

    :ivar counts: beats by :data:`BOUNDS`, each only up to its own bound, and last those above all.
    :ivar total: seconds, of all beats.
    :ivar stalls: beats that were late by :data:`STALL` or more.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total: float = 0.0
    stalls: int = 0


class Pulse:
    """
    Beats in the reactor.

    :param beaten: called at each beat, in this order.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, *beaten: Callable[[], None]) -> None:
        self._clock = clock
        self._beaten = beaten
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total = 0.0
        self._stalls = 0
        self._due = 0.0
        self._call: IDelayedCall | None = None

    @property
    def lag(self) -> Lag:
        """How late the beats were so far."""
        return Lag(tuple(self._counts), self._total, self._stalls)

    def start(self) -> None:
        """Begin to beat."""
        self._next()

    def stop(self) -> None:
        """Beat no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _next(self) -> None:
        self._due = self._clock.seconds() + BEAT
        self._call = self._clock.callLater(BEAT, self._beat)

    def _beat(self) -> None:
        late = max(0.0, self._clock.seconds() - self._due)
        self._counts[bisect_left(BOUNDS, late)] += 1
        self._total += late
        for each in self._beaten:
            each()
        if late >= STALL:
            self._stalls += 1
            self._log.error("the reactor goes on, {late:.1f} s late", late=late)
        self._next()
