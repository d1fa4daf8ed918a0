"""Tests of runjd.runtime.freebsd.patience."""

from __future__ import annotations

from runjd.runtime.freebsd.patience import Patience


class Clock:
    """A clock that runs while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
        self.slept.append(seconds)

    def now(self) -> float:
        """Return the time."""
        return self.seconds


def test_the_last_attempt_is_made_when_the_time_is_over() -> None:
    """It is told as such; pauses grow to a twentieth of a second."""
    clock = Clock()

    found = list(Patience(clock.sleep, clock.now).attempts(1.0))

    assert found == [False] * (len(found) - 1) + [True]
    assert clock.slept[:3] == [0.001, 0.002, 0.004]
    assert max(clock.slept) == 0.05
    assert 1.0 <= clock.seconds < 1.06


def test_there_is_one_attempt_without_patience() -> None:
    """And no pause."""
    clock = Clock()

    assert list(Patience(clock.sleep, clock.now).attempts(0)) == [True]
    assert clock.slept == []
