"""Keeper and daemon are replaced one after the other, and only where both can be."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from runjd.errors import Busy, KeeperLost, RunjdError, WrongState
from runjd.policy.facts import Upgraded
from runjd.supervise.events import EventLog
from runjd.supervise.upgrading import Upgrading


class Bench:
    """An upgrade whose parts write down what happens to them."""

    def __init__(self, obstacle: str = "") -> None:
        self.done: list[str] = []
        self.new_daemon: Deferred[str] = succeed("2.0")
        self.keeper: Deferred[tuple[str, str] | None] = succeed(("1.0", "2.0"))
        self.events = EventLog(lambda: 1000.0)
        self.events.subscribe(lambda event: self.done.append(f"{event.ev} {dict(event.details)}"))
        self.upgrading = Upgrading(
            "1.0",
            obstacle,
            self.events,
            self._rehearse,
            self._upgrade_keeper,
            lambda: self.done.append("away"),
            lambda: self.done.append("leave"),
        )

    def _rehearse(self) -> Deferred[str]:
        self.done.append("rehearse")
        return self.new_daemon

    def _upgrade_keeper(self) -> Deferred[tuple[str, str] | None]:
        self.done.append("keeper")
        return self.keeper


def _value(deferred: Deferred[Upgraded]) -> Upgraded:
    found: list[Upgraded] = []
    deferred.addCallback(found.append)
    return found[0]


def _error(deferred: Deferred[Upgraded]) -> RunjdError:
    found: list[RunjdError] = []
    deferred.addErrback(lambda failure: found.append(failure.value))
    return found[0]


def test_the_daemon_leaves_last() -> None:
    """It tries its successor out, has the keeper replaced, tells everyone, and goes."""
    bench = Bench()

    assert _value(bench.upgrading.begin("uid:0")) == Upgraded("1.0", "2.0", "1.0", "2.0")

    told = {"from": "1.0", "to": "2.0", "keeper_from": "1.0", "keeper_to": "2.0", "by": "uid:0"}
    assert bench.done == ["rehearse", "keeper", f"upgrade {told}", "away", "leave"]
    assert bench.upgrading.is_leaving


def test_where_the_new_daemon_cannot_start_the_keeper_is_left_alone() -> None:
    """And whoever asked is told why; the next one can try again."""
    bench = Bench()
    bench.new_daemon = fail(WrongState("broken"))

    assert str(_error(bench.upgrading.begin("uid:0"))) == "broken"

    assert bench.done == ["rehearse"]
    bench.new_daemon = succeed("3.0")
    assert _value(bench.upgrading.begin("uid:0")).after == "3.0"


def test_where_the_keeper_stays_so_does_the_daemon() -> None:
    """Nothing is told as an event, as nothing has changed."""
    bench = Bench()
    bench.keeper = fail(KeeperLost("gone"))

    assert str(_error(bench.upgrading.begin("uid:0"))) == "gone"

    assert bench.done == ["rehearse", "keeper"]
    assert not bench.upgrading.is_leaving


def test_a_keeper_that_is_too_old_is_left_to_the_new_daemon() -> None:
    """Which is told, with when it will be replaced."""
    bench = Bench()
    bench.keeper = succeed(None)

    made = _value(bench.upgrading.begin("uid:0"))

    assert (made.after, made.keeper_before, made.keeper_after) == ("2.0", "", "")
    assert "it serves the new daemon until no jail lives" in made.notice
    assert bench.done[-1] == "leave"


def test_one_at_a_time() -> None:
    """Who comes second is told so, also once the daemon is about to leave."""
    bench = Bench()
    bench.new_daemon = Deferred()
    first = bench.upgrading.begin("uid:0")

    assert isinstance(_error(bench.upgrading.begin("uid:1")), Busy)
    bench.new_daemon.callback("2.0")
    assert _value(first).after == "2.0"
    assert isinstance(_error(bench.upgrading.begin("uid:1")), Busy)


@pytest.mark.parametrize("obstacle", ["twistd went into the background"])
def test_a_process_that_cannot_be_replaced_tries_nothing(obstacle: str) -> None:
    """What is in the way is told."""
    bench = Bench(obstacle)

    assert str(_error(bench.upgrading.begin("uid:0"))) == f"the daemon cannot be replaced in place: {obstacle}"
    assert bench.done == []
