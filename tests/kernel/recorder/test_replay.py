"""The kernel in memory answers as the real one did."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.kernel.recorder.observed import AREAS, Replay, cases
from tests.kernel.recorder.reasons import reason
from tests.kernel.recorder.replay_interfaces import InterfaceReplay
from tests.kernel.recorder.replay_jail_life import JailLifeReplay
from tests.kernel.recorder.replay_jail_set import JailSetReplay
from tests.kernel.recorder.replay_mounts import MountReplay
from tests.kernel.recorder.replay_processes import ProcessReplay
from tests.kernel.recorder.replay_rctl import RctlReplay

#: how many cases of each area are asked; more is better
REPLAYED = {
    InterfaceReplay: 50, JailLifeReplay: 77, JailSetReplay: 483, MountReplay: 227, ProcessReplay: 83, RctlReplay: 134,
}  # fmt: skip


@pytest.mark.parametrize("replay", REPLAYED, ids=lambda replay: replay.area)
def test_it_answers_as_the_real_kernel(replay: type[Replay]) -> None:
    """Result, error, words and what can be read afterwards are those that were recorded, case by case."""
    done = replay()
    done.run()

    assert done.differences == []
    assert len(done.replayed) >= REPLAYED[replay]


def test_what_is_not_asked_has_a_reason() -> None:
    """Every recorded case is asked of the kernel in memory, or it is known why not."""
    left = [case for area in AREAS - {replay.area for replay in REPLAYED} for case in cases(area)]
    asked = 0
    for replay in REPLAYED:
        done = replay()
        done.run()
        left += done.left
        asked += len(done.replayed)
    reasons = Counter(reason(case.area, case.case) for case in left)
    print(f"{asked} cases of {asked + len(left)} are replayed")  # noqa: T201
    for why, count in reasons.most_common():
        print(f"{count:5} {why}")  # noqa: T201

    assert reasons[""] == 0
