"""How often somebody is written down, so that nobody can fill a disk. Pure; time is an argument."""

from __future__ import annotations

#: those who are told apart; all others share one ration
_NAMES = 1000


class Ration:
    """
    So many at once, and so many more with time, for each name.

    :param burst: at once.
    :param rate: more for each second.
    """

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left: dict[str, tuple[float, float]] = {}
        self._refused: dict[str, int] = {}

    def take(self, name: str, now: float) -> int | None:
        """
        Take one.

        :param now: seconds, monotonic.
        :return: how many of this name were refused since the last one that was not; None: this one is refused.
        """
        if name not in self._left and len(self._left) >= _NAMES:
            self._forget_idle(now)
            if len(self._left) >= _NAMES:
                name = ""
        left, at = self._left.get(name, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._rate)
        if left < 1:
            self._left[name] = (left, now)
            self._refused[name] = self._refused.get(name, 0) + 1
            return None
        self._left[name] = (left - 1, now)
        return self._refused.pop(name, 0)

    def take_refused(self) -> dict[str, int]:
        """Return how many were refused and not told yet, by name; they are told then."""
        refused, self._refused = self._refused, {}
        return refused

    def _forget_idle(self, now: float) -> None:
        """Forget those who have their whole ration again, and of whom nothing is left to tell."""
        for name, (left, at) in list(self._left.items()):
            if left + (now - at) * self._rate >= self._burst and name not in self._refused:
                del self._left[name]
