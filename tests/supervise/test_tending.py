"""A jail is ready when it says so, not when it runs; and it is looked after from then on."""

from __future__ import annotations

import pytest

from runjd.policy.facts import Definition
from runjd.policy.settings import BackoffRule, HealthRule, Probe, ReadyRule, RestartRule, Settings
from runjd.supervise.ready.readiness import GRACE
from tests.supervise.world import KILL, TERM, error_of, has_fired, value

EXEC = Probe("exec", command=("/bin/healthy",), timeout=2.0)
LATE = Settings(ready=ReadyRule("notify", timeout=30.0))
RETRY = Settings(restart=RestartRule("on-failure"), backoff=BackoffRule(first=5.0, jitter=0.0))


def run(world, **rules):
    """Run a jail with such rules; return its program."""
    return world.run(settings=RETRY._replace(**rules))


def facts(world):
    """Return the jail as it is now."""
    return world.controller.facts("web")


def ready(world):
    """Return whether the jail is ready, as its status says it."""
    return facts(world).ready


def told(world, word):
    """Return the events of that name."""
    return [each for each in world.events if each.split()[1] == word]


def answer(world, status):
    """End the probe that is under way."""
    ((_, name),) = [key for key in world.keeper.programs if key[1]]
    world.keeper.end("web", status, exec_id=name)
    world.reactor.turn()


def test_who_says_nothing_is_ready_as_it_starts(world):
    """That is no news of its own beside the start."""
    world.run()
    assert ready(world) == "yes"
    assert told(world, "ready") == []


@pytest.mark.parametrize(
    ("rule", "asked", "says"),
    [(ReadyRule("fd", fd=5), "fd:5", b"\n"), (ReadyRule("notify"), "notify", b"READY=1")],
)
def test_a_program_tells_by_what_it_was_given(world, rule, asked, says):
    """Until then it runs and is not ready; who waits for it is told, and the keeper need not hold it any more."""
    program = run(world, ready=rule)
    assert world.keeper.asked[-1].endswith(f" {asked}")
    waiting = world.controller.wait("web", "ready")
    assert (facts(world).phase, ready(world), has_fired(waiting)) == ("running", "no", False)

    world.reactor.turn(1.5)
    program.tell(says)
    world.reactor.turn()

    assert ready(world) == "yes"
    assert value(waiting).ready == "yes"
    assert told(world, "ready") == ["web ready ready=yes took_ms=1500 by=program"]
    assert program.is_settled


def test_what_a_program_says_of_itself_is_shown(world):
    """STATUS= of sd_notify(3), before it is ready and after."""
    program = run(world, ready=ReadyRule("notify"))
    program.tell(b"STATUS=reading 40%")
    world.reactor.turn()
    assert (facts(world).says, ready(world)) == ("reading 40%", "no")


def test_a_line_of_its_output_tells(world):
    """The line is whole, is logged all the same, and nothing is matched from then on."""
    program = run(world, ready=ReadyRule("log", pattern="listening on [0-9]+$"))
    program.output(b"listening on 80 soon\nlistening on 8")
    world.reactor.turn()
    assert ready(world) == "no"
    program.output(b"0\n", "out")
    world.reactor.turn()
    assert ready(world) == "yes"
    assert world.controller._jails["web"].init.listener is None
    assert "out F listening on 80 soon | " in world.log()


def test_a_probe_tells(world):
    """It is asked until it says yes; what it said last stands in the status meanwhile."""
    run(world, ready=ReadyRule("probe", probe=EXEC, interval=1.0))
    world.reactor.turn()
    answer(world, 1)
    assert (ready(world), facts(world).reason) == ("no", "exit 1")
    world.reactor.turn(1.0)
    answer(world, 0)
    assert (ready(world), facts(world).reason) == ("yes", "")
    assert told(world, "ready") == ["web ready ready=yes took_ms=1000 by=policy:ready"]
    world.reactor.turn(10.0)
    assert [key for key in world.keeper.programs if key[1]] == []


def test_who_is_not_ready_in_time_failed_to_start(world):
    """It is stopped, counts as a failure with that reason, is tried again, and who waited for it is told."""
    program = run(world, ready=ReadyRule("notify", timeout=30.0))
    waiting = world.controller.wait("web", "ready")
    world.reactor.turn(30.0)
    assert error_of(waiting).code == "TIMEOUT"
    assert program.signals == [TERM]
    world.reactor.turn()
    world.reactor.turn(1.0)
    assert (facts(world).phase, facts(world).reason) == ("backoff", "it was not ready within 30 s")
    assert [each for each in told(world, "state") if "to=stopping" in each] == [
        "web state from=running to=stopping by=policy:ready"
    ]
    world.reactor.turn(5.0)
    assert (facts(world).phase, ready(world)) == ("running", "no")


def test_an_end_before_it_was_ready_leaves_nothing_behind(world):
    """No time limit, no listening: the next run begins anew, and is not ready because the last one was."""
    program = run(world, ready=ReadyRule("notify", timeout=30.0))
    program.tell(b"READY=1")
    world.reactor.turn()
    world.keeper.end("web", 1)
    world.reactor.turn()
    world.reactor.turn(1.0)
    assert ready(world) == "no"
    world.reactor.turn(5.0)
    assert (facts(world).phase, ready(world)) == ("running", "no")


def test_who_waits_for_one_that_ended_before_it_was_ready_is_told(world):
    """If it is tried again he goes on waiting; if not, he would wait for ever."""
    run(world, ready=ReadyRule("notify"))
    waiting = world.controller.wait("web", "ready")
    world.keeper.end("web", 1)
    world.reactor.turn()
    world.reactor.turn(1.0)
    assert not has_fired(waiting)
    world.reactor.turn(5.0)
    world.controller.change("web", Settings(ready=ReadyRule("notify")), "config")
    world.keeper.end("web", 1)
    world.reactor.turn()
    world.reactor.turn(1.0)
    assert error_of(waiting).code == "GONE"


def test_a_stop_is_a_stop_though_it_was_never_ready(world):
    """The time limit ends with it."""
    run(world, ready=ReadyRule("notify", timeout=30.0))
    stopped = world.controller.stop("web", "uid:0")
    world.reactor.turn()
    world.reactor.turn(60.0)
    assert value(stopped).phase == "idle"
    assert facts(world).reason == ""


def test_the_next_daemon_knows_that_it_is_ready(world):
    """A daemon that dies takes nothing along: who was ready is, and is not asked again."""
    program = run(world, ready=ReadyRule("notify", timeout=30.0))
    program.tell(b"READY=1")
    world.reactor.turn()
    world.make_daemon()
    assert ready(world) == "yes"
    world.reactor.turn(60.0)
    assert facts(world).phase == "running"


def test_the_next_daemon_hears_what_was_said_meanwhile(world):
    """What a program told while no daemon was there waits in the keeper."""
    program = run(world, ready=ReadyRule("notify", timeout=30.0))
    world.make_daemon(connects=False)
    program.tell(b"READY=1")
    world.reactor.turn(100.0)
    world.connect()
    world.reactor.turn()
    assert ready(world) == "yes"


def test_an_adopted_jail_has_a_moment_at_least(world):
    """Its time limit goes on, but a daemon that was away long does not condemn it at once."""
    run(world, ready=ReadyRule("notify", timeout=30.0))
    world.make_daemon(connects=False)
    world.reactor.turn(1000.0)
    world.connect()
    world.reactor.turn(GRACE - 0.1)
    assert facts(world).phase == "running"
    world.reactor.turn(0.1)
    assert facts(world).phase != "running"


def test_a_slow_start_has_no_time_left(world):
    """The keeper took longer than the limit: it runs, was not ready in time, and is stopped as any that was not."""
    world.keeper.holds_starts = True
    world.controller.run(Definition("web", "/bundles/web", "", settings=LATE), "uid:0").addErrback(lambda failed: None)
    world.reactor.turn(31.0)
    world.keeper.answer()
    program = world.keeper.programs["web", ""]
    assert facts(world).phase == "running"
    world.reactor.turn()
    assert program.signals == [TERM]
    assert "web state from=running to=stopping by=policy:ready" in world.events


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
def test_a_clock_that_is_set_moves_no_limit(world, step):
    """Neither while it is being started, nor when it says how long it took."""
    world.keeper.holds_starts = True
    world.controller.run(Definition("web", "/bundles/web", "", settings=LATE), "uid:0")
    world.reactor.turn(1.0)
    world.now += step
    world.keeper.answer()
    world.reactor.turn(28.5)
    assert facts(world).phase == "running"
    world.keeper.programs["web", ""].tell(b"READY=1")
    world.reactor.turn()
    assert told(world, "ready") == ["web ready ready=yes took_ms=29500 by=program"]


def test_who_can_tell_nobody_any_more_is_believed(world):
    """Its keeper was killed before it was ready, and its socket with it: it shall not die of that."""
    program = run(world, ready=ReadyRule("notify"))
    world.kill_keeper()
    world.orphans["web", ""].settle()
    del program
    world.make_daemon(connects=False)
    world.take_in()
    assert ready(world) == "yes"


def test_health_is_asked_from_the_first_ready_on(world):
    """Not before; its first answer decides."""
    program = run(world, ready=ReadyRule("notify"), health=HealthRule(EXEC, interval=10.0))
    world.reactor.turn(20.0)
    assert facts(world).health == "-"
    program.tell(b"READY=1")
    world.reactor.turn()
    assert facts(world).health == "starting"
    world.reactor.turn(10.0)
    answer(world, 0)
    assert facts(world).health == "healthy"
    assert told(world, "health") == ["web health from=starting to=healthy text=exit 0 by=policy:health"]


def fail_probes(world, count):
    """Answer so many probes with no."""
    for _ in range(count):
        world.reactor.turn(10.0)
        answer(world, 3)


@pytest.mark.parametrize(("does", "signal"), [("restart", TERM), ("kill", KILL)])
def test_an_unhealthy_jail_is_restarted(world, does, signal):
    """So many times no in a row, and its run has failed; its rule says that it starts again."""
    program = run(world, health=HealthRule(EXEC, interval=10.0, action=does))
    fail_probes(world, 2)
    assert (facts(world).phase, facts(world).health) == ("running", "starting")
    fail_probes(world, 1)
    assert program.signals == [signal]
    world.reactor.turn()
    world.reactor.turn(1.0)
    assert (facts(world).phase, facts(world).reason) == ("backoff", "it is unhealthy: exit 3")
    assert "web state from=running to=stopping by=policy:health" in world.events
    world.reactor.turn(5.0)
    assert (facts(world).phase, facts(world).health) == ("running", "starting")


def test_an_unhealthy_jail_may_be_left_alone(world):
    """Then its status says it, with the reason, until it is well."""
    run(world, health=HealthRule(EXEC, interval=10.0))
    fail_probes(world, 3)
    assert (facts(world).phase, facts(world).health, facts(world).reason) == ("running", "unhealthy", "exit 3")
    world.reactor.turn(10.0)
    answer(world, 0)
    assert (facts(world).health, facts(world).reason) == ("healthy", "")


def test_an_unhealthy_jail_may_be_stopped_for_good(world):
    """It is wanted down from then on."""
    run(world, health=HealthRule(EXEC, interval=10.0, action="stop"))
    fail_probes(world, 3)
    world.reactor.turn()
    world.reactor.turn(60.0)
    assert (facts(world).phase, facts(world).want) == ("idle", "down")


def test_a_keeper_that_is_away_makes_nobody_unhealthy(world):
    """Who cannot be asked is as he was."""
    run(world, health=HealthRule(EXEC, interval=10.0, action="restart"))
    world.reactor.turn(10.0)
    answer(world, 0)
    world.lose_keeper()
    world.reactor.turn(100.0)
    assert facts(world).health == "healthy"


def test_other_settings_change_the_probe_at_once(world):
    """A probe that is taken out of the configuration asks no more, one that is new begins."""
    run(world)
    assert facts(world).health == "-"
    world.controller.change("web", RETRY._replace(health=HealthRule(EXEC, interval=10.0)), "config")
    assert facts(world).health == "starting"
    world.controller.change("web", RETRY, "config")
    assert facts(world).health == "-"
    world.reactor.turn(60.0)
    assert [key for key in world.keeper.programs if key[1]] == []


def test_another_rule_of_readiness_counts_from_the_next_start_on(world):
    """The run that is under way tells as it was told to, and whoever waits hears of it."""
    program = run(world, ready=ReadyRule("notify"))
    waiting = world.controller.wait("web", "ready")
    world.controller.change("web", RETRY, "config")
    program.tell(b"READY=1")
    world.reactor.turn()
    assert value(waiting).ready == "yes"


def test_a_probe_of_the_last_daemon_is_ended(world):
    """Nobody waits for its answer: it is killed, and is no news."""
    run(world, health=HealthRule(EXEC, interval=10.0))
    world.reactor.turn(10.0)
    (((_, name), probe),) = [each for each in world.keeper.programs.items() if each[0][1]]
    pid = probe.pid
    world.make_daemon()
    assert world.keeper.asked[-2:] == [f"signal web {name} 9", f"ack web {name} {pid}"]
    assert [each for each in world.events if "exec" in each] == []


def test_a_probe_that_is_being_killed_keeps_its_name(world):
    """A probe of other settings begins while the last one is not gone, and its name is another."""
    run(world, health=HealthRule(EXEC, interval=10.0))
    world.reactor.turn(10.0)
    ((_, name),) = [key for key in world.keeper.programs if key[1]]
    world.keeper.programs["web", name].is_stuck = True
    world.keeper.programs["web", name].ignores.add(KILL)
    world.controller.change("web", RETRY._replace(health=HealthRule(EXEC, interval=5.0)), "config")
    world.reactor.turn(5.0)
    assert len({key[1] for key in world.keeper.programs if key[1]}) == 2


def test_a_jail_whose_record_is_lost_is_as_old_as_its_note_says(world):
    """The keeper's note has the wall time of its start, and nothing else tells it."""
    world.run()
    world.site.definitions.remove("web")
    world.make_daemon(connects=False)
    world.reactor.turn(100.0)
    world.now += 60.0
    world.connect()
    assert world.controller._jails["web"].record.started == 40.0
