"""Short soaks of a fixed seed; `make soak` and `make kills` run long ones."""

from __future__ import annotations

import os

import pytest

from tests.soak.soak import run

_SEED = int(os.environ.get("RUNJD_SOAK_SEED", "0")) or 7


@pytest.mark.parametrize(("victims", "kills"), [("daemon", 4), ("keeper", 2), ("both", 2)])
def test_nothing_is_lost_whoever_is_killed_whenever(victims: str, kills: int) -> None:
    """Under load, and also while they start; the model knows what must be true."""
    said: list[str] = []

    faults = run(_SEED, kills, victims, seconds=0.0, say=said.append)

    assert faults == [], "\n".join((*said, *faults))
    assert any("lines in the logs" in each for each in said)
