"""The order of jails, kept: torture row 46, and the order's half of 47."""

from __future__ import annotations

import time

import pytest

from runjd.errors import RuntimeFailure
from runjd.policy.facts import Definition
from runjd.policy.settings import BackoffRule, ReadyRule, RestartRule, Settings
from tests.supervise.world import KILL, TERM, error_of, has_fired, value

RETRY = Settings(restart=RestartRule("always"), backoff=BackoffRule(first=5.0, factor=1.0, jitter=0.0, reset_after=1.0))
TELLS = ReadyRule("notify")


@pytest.fixture
def site(world):
    """Return a world with a web server that requires an application, which requires a database."""
    define(world, "db", ready=TELLS, autostart=False)
    define(world, "app", requires=("db",), autostart=False)
    define(world, "web", requires=("app",), autostart=False)
    return world


def define(world, id, **rules):
    """Configure a jail."""
    settings = RETRY._replace(**rules)
    world.controller.define(Definition(id, f"/bundles/{id}", "", settings=settings), "config")


def run(world, id, **rules):
    """Run a jail that no configuration names."""
    return world.controller.run(Definition(id, f"/bundles/{id}", "", settings=RETRY._replace(**rules)), "uid:0")


def phases(world):
    """Return the phases of all jails, in the order of their ids."""
    return [facts.phase for facts in world.controller.jails()]


def reason(world, id):
    """Return the reason that the status of a jail tells."""
    return world.controller.facts(id).reason


def tell(world, id="db"):
    """Let a jail say that it is ready."""
    world.keeper.programs[id, ""].tell(b"READY=1")
    settle(world)


def settle(world):
    """Let all that is decided happen."""
    for _ in range(20):
        world.reactor.turn()
    world.reactor.turn(0.2)


def up(world):
    """Start all three."""
    started = world.controller.start("web", "uid:0")
    settle(world)
    tell(world)
    return value(started)


def starts(world):
    """Return the jails in the order in which the keeper was asked to run them."""
    return [each.split()[1] for each in world.keeper.asked if each.startswith("run ")]


def test_a_start_brings_along_what_it_requires(site):
    """In order, each when the one before is ready; the reasons say who waits for whom, the events say by whom."""
    started = site.controller.start("web", "uid:1001")
    settle(site)
    assert phases(site) == ["waiting", "running", "waiting"]
    assert (reason(site, "app"), reason(site, "web")) == ("waiting for db (not ready)", "waiting for app (waiting)")
    assert not has_fired(started)

    tell(site)

    assert value(started).phase == "running"
    assert starts(site) == ["db", "app", "web"]
    assert (reason(site, "app"), reason(site, "web")) == ("", "")
    assert "db state from=idle to=starting by=policy:order" in site.events
    assert "web state from=idle to=waiting by=uid:1001 reason=waiting for app (waiting)" in site.events


def test_nothing_waits_where_all_is_ready(site):
    """A jail whose needs are met starts at once, and was never said to wait."""
    up(site)
    value(site.controller.kill("web", TERM, "uid:0"))
    settle(site)
    before = len(site.events)
    site.reactor.turn(5.0)
    assert [each for each in site.events[before:] if each.startswith("web state")] == [
        "web state from=backoff to=starting by=policy:restart",
        "web state from=starting to=running by=policy:restart pid=104",
    ]


def test_a_failing_dependency_stops_nobody_and_starts_no_storm(site):
    """While it flaps those that run go on; those that start wait, however often it comes and goes."""
    up(site)
    for _ in range(5):
        site.keeper.end("db", 1)
        settle(site)
        assert phases(site) == ["running", "backoff", "running"]
        site.reactor.turn(5.0)
        settle(site)
        assert phases(site) == ["running", "running", "running"]
    assert starts(site) == ["db", "app", "web", *["db"] * 5]
    site.keeper.end("app", 1)
    settle(site)
    site.reactor.turn(5.0)
    settle(site)
    assert phases(site) == ["waiting", "running", "running"]
    assert reason(site, "app") == "waiting for db (not ready)"
    tell(site)
    assert phases(site) == ["running", "running", "running"]


def test_who_waits_for_one_that_failed_for_good_is_told(site):
    """A start by hand fails with DEPEND; the jail goes on waiting, and comes up once the other one is started."""
    site.controller.change("db", RETRY._replace(ready=TELLS, restart=RestartRule("never")), "config")
    started = site.controller.start("web", "uid:0")
    settle(site)
    site.keeper.end("db", 1)
    settle(site)
    error = error_of(started)
    assert (error.code, str(error)) == ("DEPEND", 'jail "web" is waiting for app (waiting)')
    assert phases(site) == ["waiting", "idle", "waiting"]
    assert reason(site, "app") == "waiting for db (ended)"
    value(site.controller.start("db", "uid:0"))
    tell(site)
    assert phases(site) == ["running", "running", "running"]


def test_a_stop_by_hand_stops_those_that_require_it_first(site):
    """The last first; what is wanted of them stays, so they come back when it does."""
    up(site)
    for program in site.keeper.programs.values():
        program.ignores.add(TERM)
    stopped = site.controller.stop("db", "uid:0", timeout=30.0)
    settle(site)
    assert phases(site) == ["running", "running", "stopping"]
    assert (reason(site, "db"), reason(site, "app")) == ("waiting for app to stop", "waiting for web to stop")
    site.keeper.end("web", 0)
    settle(site)
    assert phases(site) == ["stopping", "running", "waiting"]
    site.keeper.end("app", 0)
    settle(site)
    assert phases(site) == ["waiting", "stopping", "waiting"]
    site.keeper.end("db", 0)
    settle(site)
    assert phases(site) == ["waiting", "idle", "waiting"]
    assert value(stopped).phase == "idle"
    assert reason(site, "app") == "waiting for db (stopped)"
    assert "web state from=running to=stopping by=policy:order" in site.events
    assert [facts.want for facts in site.controller.jails()] == ["up", "down", "up"]

    value(site.controller.start("db", "uid:0"))
    tell(site)
    assert phases(site) == ["running", "running", "running"]


def test_a_restart_by_hand_takes_those_that_require_it_along(site):
    """They stop before it and start behind it."""
    up(site)
    asked = len(site.keeper.asked)
    restarted = site.controller.restart("db", "uid:0")
    settle(site)
    tell(site)
    assert value(restarted).phase == "running"
    assert phases(site) == ["running", "running", "running"]
    words = [each.split()[:2] for each in site.keeper.asked[asked:] if each.split()[0] in ("run", "signal")]
    assert words == [
        ["signal", "web"],
        ["signal", "app"],
        ["signal", "db"],
        ["run", "db"],
        ["run", "app"],
        ["run", "web"],
    ]


def test_a_start_during_such_a_stop_becomes_a_restart(site):
    """Who stops first is stopped all the same; nobody is left half down."""
    up(site)
    site.keeper.programs["web", ""].ignores.add(TERM)
    stopped = site.controller.stop("db", "uid:0")
    settle(site)
    started = site.controller.start("db", "uid:0")
    settle(site)
    site.keeper.end("web", 0)
    settle(site)
    assert value(stopped)
    assert value(started).phase == "running"
    tell(site)
    assert phases(site) == ["running", "running", "running"]


def test_a_stop_takes_back_a_restart_that_waits_for_others(site):
    """Whoever waited for the restart is told; the jail stays down."""
    up(site)
    site.keeper.programs["web", ""].ignores.add(TERM)
    restarted = site.controller.restart("db", "uid:0")
    settle(site)
    assert not has_fired(restarted)

    stopped = site.controller.stop("db", "uid:0")
    assert (error_of(restarted).code, has_fired(stopped)) == ("GONE", False)
    site.keeper.end("web", 0)
    settle(site)

    assert value(stopped).phase == "idle"


def test_a_jail_that_is_deleted_while_it_waits_is_not_started(world):
    """What is left of it is removed first; meanwhile what it waited for becomes ready, and somebody requires it."""
    define(world, "db", ready=TELLS, restart=RestartRule("never"))
    define(world, "top", requires=("web",), autostart=False)
    settle(world)
    run(world, "web", requires=("db",), restart=RestartRule("never"))
    settle(world)
    tell(world)
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "Device or resource busy")
    world.keeper.end("web", 1)
    settle(world)
    world.keeper.end("db", 0)
    settle(world)
    started = world.controller.start("web", "uid:0")
    settle(world)
    assert world.controller.facts("web").phase == "waiting"
    runs = starts(world).count("web")
    answer = world.keeper.hold_deletes()

    deleted = world.controller.delete("web", "uid:0")
    assert error_of(started).code == "GONE"
    tell(world)
    world.controller.start("top", "uid:0")
    settle(world)
    assert (world.controller.facts("web").phase, has_fired(deleted)) == ("idle", False)
    answer()
    settle(world)

    value(deleted)
    assert starts(world).count("web") == runs
    assert ("web", "") not in world.keeper.programs
    assert phases(world) == ["running", "waiting"]


@pytest.mark.parametrize("verb", ["stop", "delete"])
def test_a_run_that_is_taken_back_while_it_waits_leaves_no_jail(world, verb):
    """Neither in the table nor on the disk; that it was deleted is the last that is told of it."""
    define(world, "db", ready=TELLS)
    settle(world)
    started = run(world, "web", requires=("db",))
    settle(world)
    assert world.controller.facts("web").phase == "waiting"

    getattr(world.controller, verb)("web", "uid:0")
    settle(world)

    assert error_of(started).code == "GONE"
    assert [each.id for each in world.controller.jails()] == ["db"]
    assert not [each for each in (world.path / "jails").iterdir() if "web" in each.name]
    assert [each for each in world.events if each.startswith("web")][-1] == "web deleted by=uid:0"


def test_what_only_comes_after_is_neither_brought_along_nor_stopped(world):
    """And it is waited for only while it is on its way."""
    define(world, "cache", ready=TELLS, autostart=False)
    define(world, "app", after=("cache",), autostart=False)
    value(world.controller.start("app", "uid:0"))
    assert phases(world) == ["running", "idle"]
    value(world.controller.stop("app", "uid:0"))
    value(world.controller.start("cache", "uid:0"))
    started = world.controller.start("app", "uid:0")
    settle(world)
    assert (phases(world), reason(world, "app")) == (["waiting", "running"], "waiting for cache (not ready)")
    world.keeper.end("cache", 1)
    settle(world)
    assert value(started).phase == "running"
    value(world.controller.stop("cache", "uid:0"))
    settle(world)
    assert phases(world) == ["running", "idle"]


def test_a_boot_comes_up_in_order_whatever_the_names(world):
    """All that are wanted; each sees the others, though they are started one after another."""
    define(world, "a", after=("z",))
    define(world, "b", requires=("y",))
    define(world, "y", autostart=False)
    define(world, "z", ready=TELLS)
    settle(world)
    assert phases(world) == ["waiting", "running", "running", "running"]
    tell(world, "z")
    assert starts(world)[-1] == "a"
    assert phases(world) == ["running"] * 4


def test_a_boot_starts_nothing_that_somebody_wants_down(world):
    """Who requires it waits, with the reason."""
    define(world, "db", autostart=False)
    value(world.controller.stop("db", "uid:0"))
    define(world, "web", requires=("db",))
    settle(world)
    assert (phases(world), reason(world, "web")) == (["idle", "waiting"], "waiting for db (stopped)")


def test_no_more_start_at_a_time_than_may(world):
    """A hundred that are asked at once take their turns, and none is forgotten."""
    world.site.order.parallel = 3
    world.keeper.holds_starts = True
    for number in range(20):
        define(world, f"j{number:02}")
    settle(world)
    assert sorted(set(phases(world))) == ["starting", "waiting"]
    assert phases(world).count("starting") == 3
    assert "its turn" in reason(world, "j19")
    for _ in range(10):
        world.keeper.answer()
        settle(world)
        assert phases(world).count("starting") <= 3
    assert phases(world) == ["running"] * 20


def test_a_waiting_jail_can_be_stopped(site):
    """It waits no longer, and who asked for its start is told."""
    started = site.controller.start("web", "uid:0")
    settle(site)
    value(site.controller.stop("web", "uid:0"))
    assert error_of(started).code == "GONE"
    tell(site)
    assert phases(site) == ["running", "running", "idle"]


def test_the_next_daemon_goes_on_waiting(site):
    """What was wanted and waited is wanted and waits, and starts when its time has come."""
    site.controller.start("web", "uid:0")
    settle(site)
    site.make_daemon()
    settle(site)
    assert phases(site) == ["waiting", "running", "waiting"]
    tell(site)
    assert phases(site) == ["running", "running", "running"]


def test_the_next_daemon_goes_on_stopping_in_order(site):
    """A daemon that dies in the middle of it leaves nobody half down, and stops nobody before whom it must."""
    up(site)
    for program in site.keeper.programs.values():
        program.ignores.add(TERM)
    site.controller.stop("db", "uid:0", timeout=30.0)
    settle(site)
    site.make_daemon()
    settle(site)
    assert phases(site) == ["running", "running", "stopping"]
    for jail in ("web", "app", "db"):
        site.keeper.end(jail, 0)
        settle(site)
    assert phases(site) == ["waiting", "idle", "waiting"]


def test_a_shutdown_that_failed_lets_jails_start_again(site):
    """Who cannot be stopped keeps the daemon; it goes on with the others."""
    define(site, "mail")
    up(site)
    db = site.keeper.programs["db", ""]
    db.ignores |= {TERM, KILL}
    db.is_stuck = True
    failed = site.controller.shutdown("stop", "uid:0")
    for _ in range(20):
        site.reactor.turn(10.0)
    assert error_of(failed).code == "TIMEOUT"
    assert site.controller.facts("mail").phase == "idle"
    assert value(site.controller.start("mail", "uid:0")).phase == "running"


def test_nobody_is_started_without_a_keeper(site):
    """Who waits goes on waiting, and starts when there is one again."""
    site.controller.start("web", "uid:0")
    settle(site)
    site.lose_keeper()
    tell(site)
    assert phases(site) == ["waiting", "running", "waiting"]
    site.connect()
    settle(site)
    assert phases(site) == ["running", "running", "running"]


def test_a_long_chain_comes_up_and_goes_down(world):
    """In order, without a word too many, and in a moment."""
    for number in range(300):
        define(world, f"j{number:03}", requires=(f"j{number - 1:03}",) if number else (), autostart=False)
    began = time.process_time()
    started = world.controller.start("j299", "uid:0")
    while not has_fired(started):
        world.reactor.turn()
    assert starts(world) == [f"j{number:03}" for number in range(300)]
    stopped = world.controller.stop("j000", "uid:0")
    for _ in range(5000):
        if has_fired(stopped):
            break
        world.reactor.turn(0.01)
    assert value(stopped).phase == "idle"
    assert phases(world) == ["idle", *["waiting"] * 299]
    assert time.process_time() - began < 20.0


def test_jails_are_counted(world):
    """How many there are, and how many of them run; what was deleted counts no more."""
    world.run("web")
    world.run("db")
    world.keeper.end("db", 0, None)
    world.reactor.turn()
    assert world.site.order.census() == (2, 1)

    world.controller.delete("db", "uid:0")
    world.reactor.turn()
    assert world.site.order.census() == (1, 1)
    assert world.site.order.waiting == 0
