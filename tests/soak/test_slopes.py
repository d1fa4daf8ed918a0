"""Slopes by least squares."""

from __future__ import annotations

import os
import random

import pytest

from tests.soak.slopes import Bound, Slope, descriptors, judge, memory, slope_of

_BOUND = Bound(32, 512)
_DEEDS = 36_000.0


def _judged(slope: float, error: float) -> str:
    """Return the verdict on a slope and its error, in bytes a deed."""
    return judge(Slope(slope * _DEEDS, error * _DEEDS, 0.0, 0.0), _DEEDS, _BOUND).verdict


def test_what_grows_has_a_slope() -> None:
    """By the hour, though it is noisy."""
    chance = random.Random(1)
    samples = [(float(at), 1000.0 + 2.0 * at + chance.gauss(0, 5)) for at in range(300)]

    slope = slope_of(samples)

    assert slope.slope == pytest.approx(7200, rel=0.02)
    assert slope.grown == pytest.approx(598, rel=0.02)
    assert judge(slope, 7200, Bound(0, 512)).verdict == "grows"


def test_noise_has_none() -> None:
    """Also where what follows one another is alike."""
    for seed in range(50):
        chance = random.Random(seed)
        level, samples = 0.0, []
        for at in range(300):
            level = 0.8 * level + chance.gauss(0, 5)
            samples.append((float(at), 1000.0 + level))
        assert judge(slope_of(samples), 7200, Bound(0, 1e6)).verdict == "zero"


def test_what_does_not_move_at_all_has_none() -> None:
    """There is no noise to be within."""
    slope = slope_of([(float(at), 7.0) for at in range(20)])
    assert (slope.slope, slope.error, judge(slope, 1, Bound(0, 1)).verdict) == (0.0, 0.0, "zero")


def test_a_slope_that_is_surely_above_zero_is_growth_however_small_it_is() -> None:
    """Unless it is less than the least thing that can be kept of a deed."""
    assert [_judged(slope, 10) for slope in (44, 46, 5000)] == ["zero", "grows", "grows"]
    assert [_judged(slope, 1) for slope in (31, 33)] == ["zero", "grows"]


def test_a_slope_that_was_measured_too_short_is_not_zero() -> None:
    """What has to be found must not fit beside it: twice the error above it is within the bound."""
    assert [_judged(0, error) for error in (250, 260, 5000)] == ["zero", "unknown", "unknown"]
    assert [_judged(400, error) for error in (80, 90)] == ["grows", "unknown"]
    assert _judged(-600, 260) == "zero"


def test_too_few_samples_are_none() -> None:
    """A line goes through any two."""
    with pytest.raises(ValueError, match="too few"):
        slope_of([(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)])


def test_a_process_has_memory_and_descriptors() -> None:
    """Ours, as the kernel counts."""
    assert memory(os.getpid()) > 1_000_000
    before = descriptors(os.getpid())
    extra = os.open("/dev/null", os.O_RDONLY)
    assert descriptors(os.getpid()) == before + 1
    os.close(extra)
