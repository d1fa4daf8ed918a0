"""Jails that are started again by themselves, on a keeper without processes."""

import pytest

from runjd.errors import RuntimeFailure, TimedOut
from runjd.policy.settings import BackoffRule, LogRule, RestartRule, Settings
from runjd.supervise.logintake import DROP_LIMIT
from tests.supervise.world import error_of, has_fired, value

RULE = BackoffRule(first=1.0, factor=2.0, cap=4.0, jitter=0.0, reset_after=10.0)
ALWAYS = Settings(restart=RestartRule("always"), backoff=RULE)
ON_FAILURE = Settings(restart=RestartRule("on-failure", tries=2), backoff=RULE)


def crash(world, id: str = "web", status: int = 3) -> None:
    """The program ends."""
    world.keeper.end(id, status)
    world.reactor.turn()


def stands(world, id: str = "web"):
    """Return what a status tells of it."""
    facts = world.controller.facts(id)
    return facts.phase, facts.next_in, facts.restarts


def test_a_jail_that_crashes_is_started_again_later_and_later(world):
    """The delay doubles up to the cap; the next try and the count are shown, and what it ended with."""
    world.run(settings=ALWAYS)
    found = []
    for _ in range(4):
        crash(world)
        found.append(stands(world))
        facts = world.controller.facts("web")
        assert (facts.want, facts.status, facts.last_exit.status, facts.pid) == ("up", "stopped", 3, 0)
        world.reactor.turn(facts.next_in)
        assert world.controller.facts("web").phase == "running"

    assert found == [("backoff", 1.0, 0), ("backoff", 2.0, 1), ("backoff", 4.0, 2), ("backoff", 4.0, 3)]
    assert stands(world) == ("running", None, 4)


def test_each_step_has_its_cause(world):
    """The end is the program's, the delay and the start are the policy's."""
    world.run(settings=ALWAYS)
    crash(world)
    world.reactor.turn(1.0)

    states = [each.partition(" state ")[2].partition(" pid")[0] for each in world.events if " state " in each]
    assert states[2:] == [
        "from=running to=backoff by=policy:restart next_in=1.0",
        "from=backoff to=starting by=policy:restart",
        "from=starting to=running by=policy:restart",
    ]


def test_a_long_run_makes_the_next_delay_the_first_again(world):
    """Who crashes once a day is back at once each time."""
    world.run(settings=ALWAYS)
    for _ in range(3):
        crash(world)
        world.reactor.turn(4.0)
    world.reactor.turn(10.0)

    crash(world)

    assert stands(world) == ("backoff", 1.0, 3)


def end_unwritten(world, size: int) -> None:
    """A jail ends while a disk hangs and so much of what it wrote waits; the end is not put off for long by that."""
    world.writer.is_held = True
    world.controller.log("web").intake.write("out", b"x" * (size - 1) + b"\n", lambda: None)
    crash(world)
    while world.controller.facts("web").phase != "backoff":
        world.reactor.turn(0.1)


def test_a_jail_whose_log_is_far_behind_is_not_started_by_itself(world):
    """Else each run would leave some more in memory; soon after the disk took it, it is back, restarted once."""
    world.run(settings=ALWAYS)
    end_unwritten(world, DROP_LIMIT)
    for _ in range(10):
        world.reactor.turn(1.0)
        assert stands(world) == ("backoff", 1.0, 0)

    world.writer.release()
    world.reactor.turn(1.0)

    assert stands(world) == ("running", None, 1)


def test_a_jail_whose_log_is_far_behind_is_started_by_hand(world):
    """Whoever asks for it gets it."""
    world.run(settings=ALWAYS)
    end_unwritten(world, DROP_LIMIT)
    world.reactor.turn(1.0)

    world.controller.start("web", "uid:0")
    world.reactor.turn()

    assert world.controller.facts("web").phase == "running"


@pytest.mark.parametrize(("pressure", "size"), [("block", 1000), ("drop", DROP_LIMIT)])
def test_a_jail_whose_log_is_a_little_behind_or_leaves_lines_out_is_started(world, pressure, size):
    """What waits is little, or bounded by itself."""
    world.run(settings=ALWAYS._replace(log=LogRule(pressure=pressure)))
    end_unwritten(world, size)

    world.reactor.turn(1.0)

    assert stands(world) == ("running", None, 1)


def test_jitter_keeps_jails_apart(world):
    """With other luck the delay is another one."""
    world.luck = 1.0
    world.run(settings=ALWAYS._replace(backoff=RULE._replace(jitter=0.5)))

    crash(world)

    assert stands(world) == ("backoff", 1.5, 0)


def test_a_success_ends_it_where_failures_are_answered(world):
    """``on-failure`` leaves a job that is done alone."""
    world.run(settings=ON_FAILURE)

    crash(world, status=0)

    assert stands(world) == ("idle", None, 0)


def test_so_many_failures_in_a_row_end_in_failed(world):
    """The reason is shown; a start by hand counts anew."""
    world.run(settings=ON_FAILURE)
    for _ in range(3):
        crash(world)
        world.reactor.turn(4.0)

    assert stands(world) == ("failed", None, 2)
    assert world.controller.facts("web").reason == "it failed 3 times in a row"
    value(world.controller.start("web", "uid:0"))
    crash(world)
    assert stands(world) == ("backoff", 1.0, 0)


def test_a_failed_jail_may_be_tried_again_much_later(world):
    """With ``slow_retry`` it is never given up for good."""
    rule = RULE._replace(burst=1, window=1000.0, slow_retry=300.0)
    world.run(settings=ALWAYS._replace(backoff=rule))
    crash(world)
    world.reactor.turn(1.0)
    crash(world)
    assert stands(world) == ("failed", 300.0, 1)
    assert "next_in=300.0" in world.events[-1]

    world.reactor.turn(300.0)

    assert stands(world) == ("running", None, 2)


def test_a_program_that_cannot_be_executed_takes_the_same_way(world):
    """A command that is missing is tried again as one that crashes; whoever asked hears why at once."""
    world.run(settings=ALWAYS)
    crash(world)
    world.keeper.next_error = RuntimeFailure("exec", "no such file: /bin/nonsense")
    world.reactor.turn(1.0)
    assert stands(world) == ("backoff", 2.0, 1)
    assert world.controller.facts("web").reason == "exec: no such file: /bin/nonsense"
    assert "reason=exec: no such file" in world.events[-1]

    world.keeper.next_error = RuntimeFailure("exec", "no such file: /bin/nonsense")
    started = world.controller.start("web", "uid:0")
    assert "nonsense" in str(error_of(started))
    assert stands(world) == ("backoff", 1.0, 0)
    world.reactor.turn(1.0)

    assert stands(world) == ("running", None, 1)
    assert world.controller.facts("web").reason == ""


def test_a_runtime_that_hangs_takes_the_same_way(world):
    """A worker that was killed because it hung is a start that failed."""
    world.run(settings=ALWAYS)
    crash(world)
    world.keeper.next_error = TimedOut("the worker took longer than 60 s and was killed")
    world.reactor.turn(1.0)

    assert stands(world) == ("backoff", 2.0, 1)


def test_what_cannot_be_removed_is_tried_again(world):
    """The next try removes the rest by force first."""
    world.run(settings=ALWAYS)
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "Device or resource busy")
    crash(world)
    assert stands(world) == ("backoff", 1.0, 0)
    asked = len(world.keeper.asked)

    world.reactor.turn(1.0)

    assert [each.split(" ")[0] for each in world.keeper.asked[asked:]] == ["delete", "run"]
    assert stands(world) == ("running", None, 1)


@pytest.mark.parametrize("verb", ["stop", "restart", "start", "delete"])
def test_an_operator_is_obeyed_at_once_while_it_is_held_off(world, verb):
    """Nothing is started behind the back of who stopped it, and nobody waits for a delay."""
    world.run(settings=ALWAYS)
    crash(world)

    done = getattr(world.controller, verb)("web", "uid:0")

    value(done)
    phases = [each.phase for each in world.controller.jails()]
    assert phases == {"stop": ["idle"], "delete": []}.get(verb, ["running"])
    world.reactor.turn(100.0)
    assert [each.phase for each in world.controller.jails()] == phases


def test_a_stop_of_what_runs_is_not_answered_by_a_start(world):
    """``always`` is for what ends by itself."""
    world.run(settings=ALWAYS)

    value_of = world.controller.stop("web", "uid:0")
    world.reactor.turn()

    assert value(value_of).phase == "idle"
    world.reactor.turn(100.0)
    assert stands(world) == ("idle", None, 0)


def test_who_waits_for_the_end_waits_through_the_delays(world):
    """A jail that is held off has not stopped."""
    world.run(settings=ON_FAILURE)
    stopped = world.controller.wait("web", "stopped")
    crash(world)
    assert not has_fired(stopped)
    world.reactor.turn(1.0)

    crash(world, status=0)

    assert value(stopped).last_exit.status == 0


def test_the_next_daemon_goes_on_where_the_last_one_stood(world):
    """Count, delay and reason outlast a SIGKILL of the daemon; the time that passed has passed."""
    world.run(settings=ALWAYS)
    for _ in range(2):
        crash(world)
        world.reactor.turn(world.controller.facts("web").next_in)
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "busy")
    crash(world)
    assert stands(world) == ("backoff", 4.0, 2)

    world.make_daemon(connects=False)
    world.reactor.advance(3.0)
    world.connect()

    assert stands(world) == ("backoff", 1.0, 2)
    assert world.controller.facts("web").reason == "unmount /proc: busy"
    world.reactor.turn(1.0)
    assert stands(world) == ("running", None, 3)
    crash(world)
    assert stands(world) == ("backoff", 4.0, 3)


def test_the_next_daemon_leaves_alone_what_was_given_up_or_stopped(world):
    """Neither a failed jail nor one that rests is started because a daemon was."""
    world.run("job")
    world.run("web", settings=ON_FAILURE)
    for _ in range(3):
        crash(world)
        world.reactor.turn(4.0)
    crash(world, "job", 0)

    world.make_daemon()

    assert [(each.id, each.phase, each.reason) for each in world.controller.jails()] == [
        ("job", "idle", ""),
        ("web", "failed", "it failed 3 times in a row"),
    ]


def test_an_end_that_only_the_next_daemon_hears_of_is_answered(world):
    """The restart rule counts for what happened while nobody was there."""
    world.run(settings=ALWAYS)
    world.make_daemon(connects=False)
    world.keeper.end("web", 3)

    world.connect()
    world.reactor.turn()

    assert stands(world) == ("backoff", 1.0, 0)


def test_a_daemon_killed_before_it_decided_leaves_the_decision_to_the_next(world):
    """The end was told and written down, and nothing more."""
    program = world.run(settings=ALWAYS)
    world.keeper.ack = lambda jail, exec_id, pid: world.keeper.programs.pop((jail, exec_id)).close()
    answer = world.keeper.hold_deletes()
    crash(world)
    jail = world.controller._jails["web"]
    jail._acknowledge(jail.pid, program.start)
    del answer

    world.make_daemon()

    assert stands(world) == ("backoff", 1.0, 0)


@pytest.mark.parametrize("moment", ["while it stops", "when it has ended"])
def test_a_restart_that_was_asked_for_is_finished_by_the_next_daemon(world, moment):
    """Whoever asked was not told, but what is asked for is done; the rule would leave it alone."""
    program = world.run()
    program.ignores.add(15)
    world.controller.restart("web", "uid:0").addErrback(lambda _: None)
    world.make_daemon(connects=False)
    if moment == "when it has ended":
        world.keeper.end("web", 0)
    world.connect()
    world.reactor.turn()
    if moment == "while it stops":
        world.keeper.end("web", 0)
        world.reactor.turn()

    facts = world.controller.facts("web")
    assert facts.phase == "running"
    assert facts.pid != program.pid
    world.keeper.end("web", 0)
    world.reactor.turn()
    assert stands(world) == ("idle", None, 0)


def test_a_lost_keeper_puts_it_off(world):
    """Without a keeper nothing can be started; once there is one again, what is due is."""
    world.run(settings=ALWAYS)
    crash(world)
    world.lose_keeper()
    world.reactor.turn(5.0)
    assert stands(world) == ("backoff", 0.0, 0)

    world.connect()
    world.reactor.turn()

    assert stands(world) == ("running", None, 1)


def test_many_exits_at_once_are_all_dealt_with_in_order(world):
    """500 programs end in one moment: each end is told once, in the order of the ends, and all come back."""
    ids = [f"j{number:03}" for number in range(500)]
    for each in ids:
        world.run(each, settings=ALWAYS)
    del world.events[:]
    for each in ids:
        world.keeper.end(each, 3)
    world.reactor.turn()

    assert [each.split()[0] for each in world.events if " exit " in each] == ids
    world.reactor.turn(1.0)
    assert {(each.phase, each.restarts) for each in world.controller.jails()} == {("running", 1)}


def test_settings_that_change_count_at_the_next_decision(world):
    """A jail that crashes loops no longer once its rule says so."""
    world.run(settings=ALWAYS)
    world.controller.change("web", ALWAYS._replace(restart=RestartRule("never")), "config")

    crash(world)

    assert stands(world) == ("idle", None, 0)
