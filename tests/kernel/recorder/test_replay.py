"""The kernel in memory answers as the real one did."""

from __future__ import annotations

import pytest

from tests.kernel.recorder.observed import Replay
from tests.kernel.recorder.replay_jail_set import JailSetReplay

REPLAYS = [JailSetReplay]


@pytest.mark.parametrize("replay", REPLAYS, ids=lambda replay: replay.area)
def test_it_answers_as_the_real_kernel(replay: type[Replay]) -> None:
    """Result, error, words and what can be read afterwards are those that were recorded, case by case."""
    done = replay()
    done.run()

    assert done.differences == []
