"""The end of the daemon with all jails."""

from runjd.policy.settings import BackoffRule, RestartRule, Settings, StopRule
from tests.supervise.world import KILL, TERM, error_of, has_fired, value


def told(world) -> list[str]:
    """Return which jails were signalled, and how."""
    return [each.removeprefix("signal ") for each in world.keeper.asked if each.startswith("signal")]


def test_jails_stop_in_reverse_order_and_side_by_side(world):
    """No jail is stopped before those that need it are down; what is independent does not wait."""
    world.run("db")
    world.run("app", settings=Settings(requires=("db",)))
    world.run("web", settings=Settings(after=("app",)))
    world.run("mail", settings=Settings(after=("db",)))
    for program in world.keeper.programs.values():
        program.ignores.add(TERM)

    done = world.controller.shutdown("stop", "uid:0")
    found = []
    for ids in (["web"], ["app", "mail"], ["db"]):
        world.reactor.turn()
        found.append(told(world))
        world.keeper.asked.clear()
        for each in ids:
            world.keeper.end(each, 0)
    world.reactor.turn()

    assert found == [["web 15"], ["app 15", "mail 15"], ["db 15"]]
    value(done)
    assert world.left == 1


def test_what_was_wanted_stays_wanted(world):
    """The next daemon brings up what the shutdown brought down, and leaves down what was down."""
    world.run("web")
    world.run("old")
    world.controller.stop("old", "uid:0")
    world.reactor.turn()
    done = world.controller.shutdown("stop", "uid:0")
    world.reactor.turn()
    value(done)

    world.make_daemon()

    assert [(each.id, each.want, each.phase) for each in world.controller.jails()] == [
        ("old", "down", "idle"),
        ("web", "up", "running"),
    ]


def test_nothing_is_started_again_on_the_way_down(world):
    """Neither what crashed before, nor what is killed now, nor what somebody restarts."""
    settings = Settings(restart=RestartRule("always"), backoff=BackoffRule(first=1.0))
    world.run("crashed", settings=settings)
    world.keeper.end("crashed", 3)
    world.run("slow", settings=settings).ignores.add(TERM)
    world.reactor.turn()
    world.controller.restart("slow", "uid:0").addErrback(lambda _: None)

    done = world.controller.shutdown("stop", "uid:0")
    world.reactor.turn(9.0)
    assert [each.phase for each in world.controller.jails()] == ["backoff", "stopping"]
    world.reactor.turn(1.1)

    value(done)
    assert [each for each in world.keeper.asked if each.startswith("run")] == [
        "run crashed /bundles/crashed linux",
        "run slow /bundles/slow linux",
    ]


def test_it_is_over_in_time_whatever_a_jail_does(world):
    """Who takes longer than the deadline leaves him is killed, out of order; 90 s are never needed."""
    patient = StopRule(timeout=1000.0)
    world.run("db", settings=Settings(stop=patient))
    world.run("web", settings=Settings(requires=("db",), stop=patient))
    for program in world.keeper.programs.values():
        program.ignores.add(TERM)

    done = world.controller.shutdown("stop", "uid:0")
    world.reactor.turn(64.9)
    assert not has_fired(done)
    assert KILL not in world.keeper.programs["web", ""].signals
    world.reactor.turn(0.2)

    value(done)
    assert world.left == 1


def test_who_cannot_be_killed_is_named(world):
    """The others are down, and the daemon stays, as its jail does; what was held off is started when it is due."""
    world.run("stuck").is_stuck = True
    world.keeper.programs["stuck", ""].ignores |= {TERM, KILL}
    world.run("web")
    world.run("crashed", settings=Settings(restart=RestartRule("always"), backoff=BackoffRule(first=1.0)))
    world.keeper.end("crashed", 3)
    world.reactor.turn()

    done = world.controller.shutdown("stop", "uid:0")
    world.reactor.turn(65.0)
    world.reactor.turn(15.0)

    assert str(error_of(done)) == "jails did not end within 80 s: stuck"
    assert [each.phase for each in world.controller.jails()] == ["running", "stopping", "idle"]
    assert world.left == 0


def test_a_shutdown_of_many_is_exact(world):
    """500 jails: each is told once, each end is told, and nothing of them is left."""
    ids = [f"j{number:03}" for number in range(500)]
    for each in ids:
        world.run(each)

    done = world.controller.shutdown("stop", "uid:0")
    world.reactor.turn()

    value(done)
    assert sorted(told(world)) == [f"{each} 15" for each in ids]
    assert sorted(each.split()[0] for each in world.events if " exit " in each) == ids
    assert not world.keeper.jails
