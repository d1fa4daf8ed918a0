"""The pulse of the reactor."""

from twisted.internet.task import Clock

from runjd.supervise.pulse import BEAT, BOUNDS, Lag, Pulse


class LateClock(Clock):
    """A clock whose calls come late."""

    late = 0.0

    def advance(self, amount):
        """Let time go by, and more of it before anything is called."""
        self.rightNow += self.late
        super().advance(amount)


def test_how_late_beats_are_is_counted_by_bounds():
    """Each beat once, at the first bound that it does not exceed; they do not add up."""
    clock, beats = LateClock(), []
    pulse = Pulse(clock, lambda: beats.append(clock.seconds()))
    pulse.start()

    for late in (0.0, 0.25, 0.75, 0.0):
        clock.late = late
        clock.advance(BEAT)

    assert [n for n in pulse.lag.counts if n] == [2, 1, 1]
    assert dict(zip(BOUNDS, pulse.lag.counts, strict=False))[0.5] == 1
    assert (pulse.lag.total, pulse.lag.stalls, len(beats)) == (1.0, 0, 4)
    pulse.stop()
    assert clock.getDelayedCalls() == []


def test_a_beat_that_is_very_late_is_a_stall():
    """It is counted as one, and as a beat above all bounds."""
    clock = LateClock()
    pulse = Pulse(clock, lambda: None)
    pulse.start()

    clock.late = 7.5
    clock.advance(BEAT)

    assert pulse.lag == Lag((0,) * len(BOUNDS) + (1,), 7.5, 1)
    pulse.stop()
