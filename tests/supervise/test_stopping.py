"""A jail is made to end, step by step."""

import pytest

from runjd.errors import WrongState
from runjd.policy.settings import HealthRule, Probe, Settings, StopRule
from runjd.spec.signals import signal_name
from tests.supervise.world import KILL, TERM, has_fired, value

HOOK = StopRule(hook=("/bin/flush", "now"), hook_timeout=5.0, signal=10, timeout=3.0)


def steps(world) -> list[str]:
    """Return the steps that were told."""
    return [each.partition(" stop ")[2] for each in world.events if " stop " in each]


def hook_of(world):
    """Return the program that the hook is."""
    [hook] = [each for (jail, exec_id), each in world.keeper.programs.items() if jail == "web" and exec_id]
    return hook


def reason(world) -> str:
    """Return why the jail web is as it is."""
    return world.controller.facts("web").reason


def test_first_the_hook_then_the_signal(world):
    """The signal of the settings is sent when the hook has ended; each step is told, and shown as the reason."""
    program = world.run(settings=Settings(stop=HOOK))
    program.ignores.add(10)
    stopped = world.controller.stop("web", "uid:0")
    assert world.keeper.asked[-1] == f"exec web {hook_of(world).exec_id} /bin/flush now"
    assert reason(world) == "its stop hook runs"
    assert program.signals == []

    world.keeper.end("web", 0, exec_id=hook_of(world).exec_id)
    world.reactor.turn()
    assert program.signals == [10]
    assert reason(world) == f"{signal_name(10)} was sent, and it is killed 3 s later"
    world.reactor.turn(3.0)

    assert value(stopped).phase == "idle"
    assert steps(world) == [
        "step=hook by=uid:0",
        "step=signal signal=10 by=uid:0",
        "step=kill signal=9 by=uid:0",
    ]
    assert reason(world) == ""


def test_a_hook_that_hangs_is_killed(world):
    """It had its time; the stop goes on without it, and says so."""
    world.run(settings=Settings(stop=HOOK))
    stopped = world.controller.stop("web", "uid:0")
    hook = hook_of(world)

    world.reactor.turn(5.0)

    assert hook.signals == [KILL]
    assert value(stopped).last_exit.signal == 10
    assert steps(world)[1] == "step=signal signal=10 reason=the stop hook took too long by=uid:0"


def test_a_hook_that_fails_stops_no_stop(world):
    """Neither one that ends with an error, nor one that cannot be executed."""
    world.run(settings=Settings(stop=HOOK))
    stopped = world.controller.stop("web", "uid:0")
    world.keeper.end("web", 7, exec_id=hook_of(world).exec_id)
    world.reactor.turn()
    assert value(stopped).phase == "idle"
    assert "reason=the stop hook failed: exit 7" in steps(world)[1]

    world.controller.start("web", "uid:0")
    world.keeper.next_error = WrongState("no such program: /bin/flush")
    stopped = world.controller.stop("web", "uid:0")
    world.reactor.turn()

    assert value(stopped).phase == "idle"
    assert "reason=the stop hook failed: no such program" in steps(world)[3]


def test_who_has_no_time_waits_for_no_hook(world):
    """A stop without time kills at once, also where the hook runs already."""
    program = world.run(settings=Settings(stop=HOOK))
    stopped = world.controller.stop("web", "uid:0")
    hook = hook_of(world)
    assert program.signals == []

    world.controller.stop("web", "uid:0", 0.0)
    world.reactor.turn()

    assert value(stopped).last_exit.signal == KILL
    assert hook.signals == [KILL]


def test_a_second_stop_while_the_hook_runs_shortens_the_time_behind_it(world):
    """The hook runs once."""
    program = world.run(settings=Settings(stop=HOOK))
    program.ignores.add(10)
    world.controller.stop("web", "uid:0")
    stopped = world.controller.stop("web", "uid:0", 1.0)
    world.keeper.end("web", 0, exec_id=hook_of(world).exec_id)
    world.reactor.turn()

    world.reactor.turn(1.0)

    assert value(stopped).last_exit.signal == KILL
    assert sum(each.startswith("exec") for each in world.keeper.asked) == 1


def test_a_program_that_ends_while_the_hook_runs_is_down(world):
    """Nothing is sent to nobody, and the hook goes with the jail."""
    program = world.run(settings=Settings(stop=HOOK))
    stopped = world.controller.stop("web", "uid:0")

    world.keeper.end("web", 0)
    world.reactor.turn()

    assert value(stopped).phase == "idle"
    assert program.signals == []
    assert steps(world) == ["step=hook by=uid:0"]


def test_a_process_that_cannot_be_killed_is_told(world):
    """The jail is ``stopping`` with its reason; every process of it is killed; other jails are not delayed."""
    program = world.run()
    program.is_stuck = True
    program.ignores |= {TERM, KILL}
    other = world.run("other")
    stopped = world.controller.stop("web", "uid:0")
    world.reactor.turn(10.0)
    assert reason(world) == "it was killed, and has not ended yet"
    world.reactor.turn(2.0)

    facts = world.controller.facts("web")
    assert (facts.phase, facts.status) == ("stopping", "running")
    assert facts.reason == "it was killed and does not end; perhaps it waits for a disk or a network"
    assert steps(world)[-1].startswith("step=stuck reason=it was killed and does not end")
    assert "signal web 9 everyone" in world.keeper.asked
    assert value(world.controller.restart("other", "uid:0")).pid != other.pid
    assert not has_fired(stopped)

    world.keeper.end("web", None, KILL)
    world.reactor.turn()
    assert value(stopped).phase == "idle"


@pytest.mark.parametrize("order", ["stop start", "start stop", "stop start stop", "start stop start"])
def test_commands_of_one_jail_come_one_after_another(world, order):
    """Whatever is asked while it starts: never do two of it run, and the last word counts."""
    world.run()
    world.controller.stop("web", "uid:0")
    world.reactor.turn()
    world.keeper.holds_starts = True
    world.controller.start("web", "uid:0").addErrback(lambda _: None)
    for verb in order.split():
        getattr(world.controller, verb)("web", "uid:0").addErrback(lambda _: None)

    for _ in range(3):
        world.keeper.answer()
        world.reactor.turn()

    is_up = order.endswith("start")
    assert world.controller.facts("web").phase == ("running" if is_up else "idle")
    assert len([each for each in world.keeper.programs.values() if each.exit is None]) == is_up


def test_a_keeper_that_is_lost_on_the_way_is_no_end_of_it(world):
    """The next keeper is asked for what the last one may not have done."""
    program = world.run(settings=Settings(stop=HOOK))
    program.ignores.add(10)
    world.controller.stop("web", "uid:0").addErrback(lambda _: None)
    world.lose_keeper()
    world.reactor.turn()

    world.connect()
    world.reactor.turn(20.0)
    world.reactor.turn()

    assert world.controller.facts("web").phase == "idle"


def test_a_hook_is_no_namesake_of_a_probe_that_is_not_gone(world):
    """The keeper refuses a second process of one name; the hook runs though a probe cannot be killed."""
    probe = Probe("exec", command=("/bin/healthy",), timeout=2.0)
    program = world.run(settings=Settings(stop=HOOK, health=HealthRule(probe, interval=10.0)))
    world.reactor.turn(10.0)
    hanging = hook_of(world)
    hanging.is_stuck = True
    hanging.ignores.add(KILL)

    world.controller.stop("web", "uid:0")
    [hook] = [each for (_, exec_id), each in world.keeper.programs.items() if exec_id and each is not hanging]
    assert hanging.signals == [KILL]
    assert reason(world) == "its stop hook runs"
    world.keeper.end("web", 0, exec_id=hook.exec_id)
    world.reactor.turn()
    assert program.signals == [10]
