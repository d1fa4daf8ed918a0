"""A short storm for each runtime; `make soak` runs long ones."""

from __future__ import annotations

import os
import random

import pytest

from tests.container.storm import rage


@pytest.mark.parametrize("runtime", ["plain", pytest.param("linux", marks=pytest.mark.root)])
def test_whoever_is_killed_whenever_nothing_is_left_and_nobody_waits(private_dir: str, runtime: str) -> None:
    """Callers do everything at once, or are killed at a random moment; RUNJD_STORM_SEED repeats what went wrong."""
    seed = int(os.environ.get("RUNJD_STORM_SEED", "0")) or random.SystemRandom().getrandbits(32)

    assert rage(private_dir, runtime, seed, seconds=5, rounds=30) == ""
