"""What goes wrong with the log of one jail, as facts and events."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from runjd.supervise.told import Emitter

#: seconds without a loss after which it is told how much was lost
CALM = 1.0
#: of nearly all, and one in memory; never changed
_NONE: Mapping[str, str] = {}


class LogTrouble:
    """
    The trouble with one log, and where else its lines go.

    :param told: tells its events.
    :ivar lost: bytes that were left out of the log in this life of the daemon.
    """

    __slots__ = ("_calm_call", "_clock", "_refusals", "_told", "lost")

    def __init__(self, clock: IReactorTime, told: Emitter) -> None:
        self._clock = clock
        self._told = told
        self._refusals: Mapping[str, str] = _NONE
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
            self._refusals = {place: why for place, why in self._refusals.items() if place != where} or _NONE
        else:
            why = f"{where or 'the log'} cannot be written: {error.strerror or error}"
            self._refusals = {**self._refusals, where: why}
        self._told.emit("log", {"state": "waiting" if self._refusals else "writing", "reason": self.reason})

    def forget_places(self) -> None:
        """Its lines go nowhere else any more."""
        if any(where for where in self._refusals):
            self._refusals = {where: why for where, why in self._refusals.items() if not where} or _NONE
            self._told.emit("log", {"state": "waiting" if self._refusals else "writing", "reason": self.reason})

    def left_out(self, count: int) -> None:
        """So many bytes were left out, because the log could not be written in time."""
        self.lost += count
        if self._calm_call is None:
            self._told.emit("log", {"state": "dropping", "lost": self.lost})
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
        self._told.emit("log", {"state": "writing", "lost": self.lost})
