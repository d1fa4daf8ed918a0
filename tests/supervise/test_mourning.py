"""Jails that were started, and that the keeper does not tell of."""

import pytest
from twisted.internet.defer import Deferred

from runjd.errors import InputOutput, RuntimeFailure
from runjd.policy.facts import Definition
from runjd.policy.settings import BackoffRule, RestartRule, Settings
from tests.supervise.world import error_of, has_fired, value


def hide(world) -> None:
    """The next daemon's keeper does not tell of the jail web, which runs."""
    world.keeper.unknown["web"] = world.keeper.programs.pop(("web", ""))


def test_who_may_live_is_not_killed(world):
    """What was not told as a leftover is asked for, and not removed by force, however often."""
    world.run()
    world.make_daemon(connects=False)
    hide(world)
    asked = len(world.keeper.asked)

    world.connect()
    for _ in range(3):
        world.reactor.turn(1.0)

    facts = world.controller.facts("web")
    assert facts.phase == "unknown"
    assert facts.reason == 'the keeper does not tell of it: cannot delete "web": it is running'
    assert set(world.keeper.asked[asked:]) == {"delete web"}
    assert [each for each in world.events if " exit " in each] == []


def test_a_start_that_an_old_worker_finishes_is_adopted(world):
    """The keeper tells of it when it is done; nothing was lost by the wait."""
    world.run()
    world.make_daemon(connects=False)
    hide(world)
    world.connect()
    world.reactor.turn(1.0)

    world.keeper.programs["web", ""] = world.keeper.unknown.pop("web")
    world.keeper.tell("web")
    world.reactor.turn(5.0)

    facts = world.controller.facts("web")
    assert (facts.phase, facts.reason) == ("running", "")
    assert [each for each in world.events if " exit " in each] == []


def test_who_is_gone_at_last_is_over(world):
    """Whoever was at work on it has removed it; the restart rule says what follows."""
    world.run(settings=Settings(restart=RestartRule("always"), backoff=BackoffRule(first=5.0, jitter=0.0)))
    world.make_daemon(connects=False)
    hide(world)
    world.connect()
    world.reactor.turn(1.0)
    world.keeper.unknown.pop("web").close()
    world.keeper.jails.clear()

    world.reactor.turn(1.0)

    facts = world.controller.facts("web")
    assert (facts.phase, facts.reason) == ("backoff", "its start was interrupted")


def test_an_operator_may_insist(world):
    """A deletion with force is one."""
    world.run()
    world.make_daemon(connects=False)
    hide(world)
    world.connect()
    world.reactor.turn(1.0)
    world.keeper.unknown.pop("web").close()

    deleted = world.controller.delete("web", "uid:0", force=True)
    world.reactor.turn()

    value(deleted)
    assert world.keeper.asked[-1] == "delete web force"
    assert world.controller.jails() == []


def test_a_leftover_that_cannot_be_removed_is_removed_before_the_next_start(world):
    """The disk was busy; who starts the jail later is not told that it exists."""
    world.run()
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "busy")
    world.keeper.end("web", 0)
    world.reactor.turn()
    world.keeper.leftovers = ["web"]
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "busy")
    world.make_daemon()

    started = world.controller.start("web", "uid:0")
    world.reactor.turn()

    assert value(started).phase == "running"
    assert world.keeper.asked[-2:] == ["delete web force", "run web /bundles/web linux"]


def test_a_run_of_the_name_of_a_leftover_waits_for_its_removal(world):
    """Nobody is told that a jail exists which nobody knows."""
    world.keeper.jails.add("web")
    world.keeper.leftovers = ["web"]
    answer = world.keeper.hold_deletes()
    world.make_daemon()
    result = world.controller.run(Definition("web", "/bundles/web", ""), "uid:0")
    world.reactor.turn()
    assert not [each for each in world.keeper.asked if each.startswith("run")]

    answer()
    world.reactor.turn()

    assert value(result).phase == "running"


class Slow:
    """A disk that reads a bundle when told to; it stands for the thread that does."""

    def __init__(self, bundles):
        self.reads: list[Deferred[None]] = []
        bundles.fresh = self.fresh

    def fresh(self, bundle):
        self.reads.append(Deferred())
        return self.reads[-1]


@pytest.mark.parametrize("result", [None, InputOutput("the disk refuses")])
def test_a_start_whose_keeper_was_lost_is_not_gone_on_with(world, result):
    """Its bundle was still being read; what comes of that concerns neither the keeper nor a later start."""
    slow = Slow(world.site.bundles)
    started = world.controller.run(Definition("web", "/bundles/web", ""), "uid:0")
    world.lose_keeper()
    world.connect()
    world.reactor.turn()
    assert error_of(started).code == "GONE"
    again = world.controller.run(Definition("web", "/bundles/web", ""), "uid:0")
    world.reactor.turn()
    first, second = slow.reads

    first.callback(None) if result is None else first.errback(result)
    world.reactor.turn()
    assert not [each for each in world.keeper.asked if each.startswith("run")]
    assert not has_fired(again)
    second.callback(None)

    assert value(again).phase == "running"


def test_a_start_that_waits_for_the_removal_of_a_leftover_is_given_up_with_its_keeper(world):
    """The removal's end begins no start that nobody waits for any more."""
    world.keeper.jails.add("web")
    world.keeper.leftovers = ["web"]
    answer = world.keeper.hold_deletes()
    world.make_daemon()
    started = world.controller.run(Definition("web", "/bundles/web", ""), "uid:0")
    world.lose_keeper()
    world.keeper.held_delete = None
    world.keeper.leftovers = []
    world.connect()
    world.reactor.turn()
    assert error_of(started).code == "GONE"

    answer()
    world.reactor.turn()

    assert not [each for each in world.keeper.asked if each.startswith("run")]
