"""Slopes by least squares."""

from __future__ import annotations

import os
import random

import pytest

from tests.soak.slopes import descriptors, memory, slope_of


def test_what_grows_has_a_slope() -> None:
    """By the hour, though it is noisy."""
    chance = random.Random(1)
    samples = [(float(at), 1000.0 + 2.0 * at + chance.gauss(0, 5)) for at in range(300)]

    slope = slope_of(samples)

    assert slope.slope == pytest.approx(7200, rel=0.02)
    assert slope.grown == pytest.approx(598, rel=0.02)
    assert not slope.is_zero


def test_noise_has_none() -> None:
    """Also where what follows one another is alike."""
    for seed in range(50):
        chance = random.Random(seed)
        level, samples = 0.0, []
        for at in range(300):
            level = 0.8 * level + chance.gauss(0, 5)
            samples.append((float(at), 1000.0 + level))
        assert slope_of(samples).is_zero


def test_what_does_not_move_at_all_has_none() -> None:
    """There is no noise to be within."""
    slope = slope_of([(float(at), 7.0) for at in range(20)])
    assert (slope.slope, slope.error, slope.is_zero) == (0.0, 0.0, True)


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
