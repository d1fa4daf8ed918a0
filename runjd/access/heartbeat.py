"""
Asking a process again and again whether it is alive.

One that is stopped, or turns in circles, does not end, and nobody who came by it would be told anything.  Answers that
are missing are counted, not seconds: where we were stopped ourselves, an answer may be there that we have not read yet.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: times that an answer may be waited for
MISSES = 3


class Heartbeat:
    """
    One process.

    :param interval: seconds between two questions.
    :param ask: asks it.
    :param silent: called once when it did not answer.
    """

    def __init__(
        self, clock: IReactorTime, interval: float, ask: Callable[[], None], silent: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._ask = ask
        self._silent = silent
        self._missed = 0
        self._call: IDelayedCall | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether it was asked, and has not answered yet."""
        return self._missed > 0

    def start(self) -> None:
        """Begin."""
        self._call = self._clock.callLater(self._interval, self._beat)

    def stop(self) -> None:
        """Ask no more."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def answered(self) -> None:
        """It has answered."""
        self._missed = 0

    def _beat(self) -> None:
        self._call = None
        if self._missed >= MISSES:
            self._silent()
            return
        if not self._missed:
            self._ask()
        self._missed += 1
        self.start()
