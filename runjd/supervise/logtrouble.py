"""What goes wrong with the log of one jail, as facts and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: seconds without a loss after which it is told how much was lost
CALM = 1.0


class LogTrouble:
    """
    The trouble with one log, and where else its lines go.

    :param emit: tells an event of the jail.
    :ivar lost: bytes that were left out of the log in this life of the daemon.
    """

    __slots__ = ("_calm_call", "_clock", "_emit", "_refusals", "lost")

    def __init__(self, clock: IReactorTime, emit: Callable[[str, Mapping[str, object]], None]) -> None:
        self._clock = clock
        self._emit = emit
        self._refusals: dict[str, str] = {}
        self._calm_call: IDelayedCall | None = None
        self.lost = 0

    @property
    def reason(self) -> str:
        """What is wrong now, for people; empty where nothing is."""
        return "; ".join(self._refusals.values())

    def refused(self, where: str, error: OSError | None) -> None:
        """
        The log cannot be written, or can be again.

        :param where: empty for the file, else what its lines go to.
        """
        if error is None:
            self._refusals.pop(where, None)
        else:
            what = where or "the log"
            self._refusals[where] = f"{what} cannot be written: {error.strerror or error}"
        self._emit("log", {"state": "waiting" if self._refusals else "writing", "reason": self.reason})

    def forget_places(self) -> None:
        """Its lines go nowhere else any more."""
        if any(where for where in self._refusals):
            self._refusals = {where: why for where, why in self._refusals.items() if not where}
            self._emit("log", {"state": "waiting" if self._refusals else "writing", "reason": self.reason})

    def left_out(self, count: int) -> None:
        """So many bytes were left out, because the log could not be written in time."""
        self.lost += count
        if self._calm_call is None:
            self._emit("log", {"state": "dropping", "lost": self.lost})
            self._calm_call = self._clock.callLater(CALM, self._calm)
        else:
            self._calm_call.reset(CALM)

    def stop(self) -> None:
        """Tell what was not told yet."""
        if self._calm_call is not None:
            self._calm_call.cancel()
            self._calm()

    def _calm(self) -> None:
        self._calm_call = None
        self._emit("log", {"state": "writing", "lost": self.lost})
