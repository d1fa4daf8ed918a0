"""What an operator asks of one jail."""

import os

import pytest

from runjd.policy.settings import BackoffRule, RestartRule, Settings, StopRule
from tests.supervise.world import KILL, TERM, error_of, has_fired, value

ALWAYS = Settings(restart=RestartRule("always"), backoff=BackoffRule(first=1.0, jitter=0.0))


def stands(world) -> tuple[str, str, int]:
    """Return want, phase and count of the jail web."""
    facts = world.controller.facts("web")
    return facts.want, facts.phase, facts.restarts


def held_off(world) -> None:
    """Bring the jail web to where it is held off, after a restart."""
    world.run(settings=ALWAYS)
    for _ in range(2):
        world.keeper.end("web", 3)
        world.reactor.turn()
        if world.controller.facts("web").restarts == 0:
            world.reactor.turn(1.0)


def down(world) -> None:
    """Bring the jail web to where it is stopped."""
    world.run(settings=ALWAYS)
    world.controller.stop("web", "uid:0")
    world.reactor.turn()


def failed(world) -> None:
    """Bring the jail web to where it is given up."""
    world.run(settings=ALWAYS._replace(restart=RestartRule("on-failure", tries=1)))
    for _ in range(2):
        world.keeper.end("web", 3)
        world.reactor.turn(1.0)


@pytest.mark.parametrize(
    ("place", "verb", "found"),
    [
        (down, "start", ("up", "running", 0)),
        (down, "stop", ("down", "idle", 0)),
        (down, "restart", ("up", "running", 0)),
        (down, "try_restart", ("down", "idle", 0)),
        (down, "reset", ("down", "idle", 0)),
        (held_off, "start", ("up", "running", 0)),
        (held_off, "stop", ("down", "idle", 0)),
        (held_off, "restart", ("up", "running", 0)),
        (held_off, "try_restart", ("up", "running", 0)),
        (held_off, "reset", ("up", "running", 0)),
        (failed, "start", ("up", "running", 0)),
        (failed, "stop", ("down", "idle", 0)),
        (failed, "restart", ("up", "running", 0)),
        (failed, "try_restart", ("up", "failed", 1)),
        (failed, "reset", ("up", "idle", 0)),
    ],
)
def test_each_command_in_each_place_and_twice(world, place, verb, found):
    """The table of the manual; the second time nothing changes that the first time did not."""
    place(world)
    getattr(world.controller, verb)("web", "uid:0")
    world.reactor.turn()
    assert stands(world) == found
    asked = len(world.keeper.asked)

    if verb not in ("restart", "try_restart"):
        getattr(world.controller, verb)("web", "uid:0")
        world.reactor.turn()
        assert stands(world) == found
        assert world.keeper.asked[asked:] == []


def test_a_running_jail_is_counted_on_by_a_start(world):
    """A start that changes nothing forgets nothing."""
    world.run(settings=ALWAYS)
    world.keeper.end("web", 3)
    world.reactor.turn()
    world.reactor.turn(1.0)

    value(world.controller.start("web", "uid:0"))

    assert stands(world) == ("up", "running", 1)


def test_what_is_wanted_once_is_not_started_again(world):
    """Whatever the rule says, and however it ended; then it is wanted down."""
    down(world)
    value(world.controller.start("web", "uid:0", is_once=True))
    assert stands(world) == ("once", "running", 0)

    world.keeper.end("web", 3)
    world.reactor.turn()

    assert stands(world) == ("down", "idle", 0)


def test_a_running_jail_may_be_wanted_once_and_up_again(world):
    """It is what becomes of it after its end that changes."""
    world.run(settings=ALWAYS)
    value(world.controller.start("web", "uid:0", is_once=True))
    value(world.controller.start("web", "uid:0"))

    world.keeper.end("web", 3)
    world.reactor.turn()

    assert stands(world) == ("up", "backoff", 0)


def test_a_stop_takes_as_long_as_the_settings_say(world):
    """Unless whoever asks says otherwise."""
    world.run(settings=Settings(stop=StopRule(timeout=3.0)))
    program = world.keeper.programs["web", ""]
    program.ignores.add(TERM)

    stopped = world.controller.stop("web", "uid:0")
    world.reactor.turn(2.9)
    assert not has_fired(stopped)
    world.reactor.turn(0.2)

    assert program.signals[-1] == KILL


def test_what_cannot_be_written_down_is_refused(world):
    """Nobody is told of a wish that the next daemon would not know."""
    world.run()
    os.rename(f"{world.directory}/jails", f"{world.directory}/elsewhere")

    assert error_of(world.controller.enable("web", "uid:0", True)).code == "IO"
    assert world.controller.facts("web").enabled is None


def test_boots_are_told_as_a_change(world):
    """Once, though it was said twice."""
    world.run()
    for _ in range(2):
        value(world.controller.enable("web", "uid:0", False))

    assert [each for each in world.events if " changed " in each] == ["web changed by=uid:0"]
