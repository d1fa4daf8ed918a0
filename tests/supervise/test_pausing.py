"""A jail stands still, and goes on."""

from __future__ import annotations

import pytest

from runjd.errors import Unsupported, WrongState
from runjd.policy.settings import HealthRule, Probe, ReadyRule, Settings, StopRule
from tests.supervise.world import TERM, error_of, has_fired, value


def told(world) -> list[str]:
    """Return what was told of pauses."""
    return [each.partition(" pause ")[2] for each in world.events if " pause " in each]


def status(world) -> tuple[str, str]:
    """Return status and phase of the jail web."""
    facts = world.controller.facts("web")
    return facts.status, facts.phase


def test_a_pause_is_a_status(world):
    """The keeper is asked, the status says so, and it is told; the same again says that it is so already."""
    world.run()

    assert value(world.controller.pause("web", "uid:7")).status == "paused"
    assert world.keeper.asked[-1] == "pause web"
    assert status(world) == ("paused", "running")
    world.keeper.next_change_error = WrongState("it is paused already", status="paused")
    value(world.controller.pause("web", "uid:7"))
    assert told(world) == ["paused=yes by=uid:7"]

    assert value(world.controller.resume("web", "uid:8")).status == "running"
    world.keeper.next_change_error = WrongState("it is not paused", status="running")
    value(world.controller.resume("web", "uid:8"))
    assert told(world) == ["paused=yes by=uid:7", "paused=no by=uid:8"]


def test_who_did_it_without_the_daemon_is_found_out(world):
    """What the host has counts: a jail that somebody paused is shown as paused from then on."""
    world.run()
    world.keeper.next_change_error = WrongState("it is paused already", status="paused")

    assert value(world.controller.pause("web", "uid:7")).status == "paused"


@pytest.mark.parametrize(
    "error",
    [Unsupported("pause", "this runtime cannot"), WrongState("it is gone"), WrongState("it ended", status="stopped")],
)
def test_what_cannot_be_paused_runs_on(world, error):
    """The caller is told why, and nothing changed."""
    world.run()
    world.keeper.next_change_error = error

    assert error_of(world.controller.pause("web", "uid:7")).to_record() == error.to_record()
    assert status(world) == ("running", "running")
    assert told(world) == []


def test_only_what_runs_and_is_ready_is_paused(world):
    """One that is down has nothing to stop; one that is not ready would be given up meanwhile."""
    assert error_of(world.controller.pause("absent", "uid:7")).code == "NOJAIL"
    world.run(settings=Settings(ready=ReadyRule("notify")))

    assert "before it is ready" in error_of(world.controller.pause("web", "uid:7")).message
    world.keeper.end("web")
    world.reactor.turn()
    assert error_of(world.controller.pause("web", "uid:7")).code == "STATE"
    assert error_of(world.controller.resume("web", "uid:7")).code == "STATE"


def test_a_stop_lets_it_go_on_first(world):
    """Who stands still hears no signal; the time to stop counts from the signal."""
    program = world.run(settings=Settings(stop=StopRule(hook=("/bin/flush",), hook_timeout=5.0, timeout=3.0)))
    value(world.controller.pause("web", "uid:7"))
    before = len(world.keeper.asked)

    stopped = world.controller.stop("web", "uid:8")

    assert world.keeper.asked[before] == "resume web"
    assert world.keeper.asked[before + 1].endswith("/bin/flush")
    assert told(world) == ["paused=yes by=uid:7", "paused=no by=uid:8"]
    world.reactor.turn(5.0)
    assert program.signals == [TERM]
    assert value(stopped).status == "stopped"


def test_a_stop_goes_on_where_that_fails(world):
    """A keeper that cannot resume it costs the hook at most."""
    program = world.run()
    value(world.controller.pause("web", "uid:7"))
    world.keeper.next_change_error = WrongState("no")

    assert has_fired(world.controller.stop("web", "uid:8"))
    assert program.signals == [TERM]


def test_killing_it_lets_it_go_on_too(world):
    """Some kernels do not kill who stands still."""
    world.run()
    value(world.controller.pause("web", "uid:7"))

    value(world.controller.delete("web", "uid:8", force=True))

    assert "resume web" in world.keeper.asked


def test_the_next_daemon_knows(world):
    """A jail that is paused stays so, and is shown so, until somebody resumes it; then it is one that runs."""
    world.run()
    value(world.controller.pause("web", "uid:7"))

    world.make_daemon()
    assert status(world) == ("paused", "running")
    value(world.controller.resume("web", "uid:7"))
    world.make_daemon()
    assert status(world) == ("running", "running")


def test_the_next_run_is_not_paused(world):
    """An end ends the pause, too."""
    world.run(settings=Settings(stop=StopRule(timeout=1.0)))
    value(world.controller.pause("web", "uid:7"))
    world.keeper.end("web", None, 9)
    world.reactor.turn()

    value(world.controller.start("web", "uid:7"))

    assert status(world) == ("running", "running")


def test_nobody_asks_a_paused_jail_how_it_is(world):
    """Its probe would fail, and its rule would restart it; it begins anew when the jail goes on."""
    rule = HealthRule(Probe("exec", ("/bin/check",), timeout=1.0), interval=2.0, failures=1, action="restart")
    world.run(settings=Settings(health=rule))
    assert world.controller.facts("web").health == "starting"

    value(world.controller.pause("web", "uid:7"))
    before = len(world.keeper.asked)
    world.reactor.turn(60.0)
    assert world.keeper.asked[before:] == []
    assert world.controller.facts("web").health == "-"

    value(world.controller.resume("web", "uid:7"))
    world.reactor.turn(3.0)
    assert any("/bin/check" in each for each in world.keeper.asked[before:])
