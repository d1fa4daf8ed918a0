"""What a reboot of the host leaves."""

import shutil

import pytest

from runjd.policy.facts import Definition
from runjd.policy.settings import RestartRule, Settings
from tests.supervise.world import value


def reboot(world, is_volatile: bool = True) -> None:
    """The host is booted: processes are gone, and volatile directories where they lie in memory."""
    world.keeper.close()
    world.keeper.programs.clear()
    world.keeper.jails.clear()
    if is_volatile:
        shutil.rmtree(f"{world.directory}/jails")
        (world.path / "jails").mkdir()
    world.boot += "+"
    world.reactor.advance(1000.0)
    world.make_daemon(connects=False)


def configure(world, **settings) -> None:
    """The configuration is read: the jail web stands in it."""
    world.controller.define(Definition("web", "/bundles/web", "", settings=Settings(**settings)), "config")


def stands(world) -> list[tuple[str, str]]:
    """Return what is wanted of all jails, and their phases."""
    return [(each.want, each.phase) for each in world.controller.jails()]


@pytest.mark.parametrize("is_volatile", [True, False])
@pytest.mark.parametrize(
    ("kind", "verb", "found"),
    [
        ("never", "start", ("up", "running")),
        ("never", "stop", ("down", "idle")),
        ("never", "", ("up", "running")),
        ("on-failure", "stop", ("down", "idle")),
        ("unless-stopped", "stop", ("down", "idle")),
        ("always", "stop", ("up", "running")),
    ],
)
def test_a_configured_jail_comes_up_as_it_was_wanted(world, is_volatile, kind, verb, found):
    """By want, whatever the volatile directory says; a stop is forgotten only where the rule is ``always``."""
    configure(world, restart=RestartRule(kind))
    if verb:
        getattr(world.controller, verb)("web", "uid:0")
        world.reactor.turn()

    reboot(world, is_volatile)
    configure(world, restart=RestartRule(kind))
    world.connect()

    assert stands(world) == [found]


def test_where_nobody_ever_said_autostart_decides_each_time(world):
    """It is not written down as somebody's wish."""
    configure(world, autostart=True)

    reboot(world)
    configure(world, autostart=False)
    world.connect()

    assert stands(world) == [("down", "idle")]


def test_a_job_of_run_is_not_done_again(world):
    """What was run without a rule that starts it again belongs to its boot."""
    world.run("job")
    world.run("web", settings=Settings(restart=RestartRule("unless-stopped")))

    reboot(world, is_volatile=False)
    world.connect()

    assert [each.id for each in world.controller.jails()] == ["web"]
    assert stands(world) == [("up", "running")]


def test_counts_of_an_earlier_boot_are_void(world):
    """Its clock began anew; a jail that was given up is tried again."""
    rule = RestartRule("on-failure", tries=0)
    world.run("web", settings=Settings(restart=RestartRule("always")))
    configure_id = Definition("db", "/bundles/db", "", settings=Settings(restart=rule))
    world.controller.define(configure_id, "config")
    for each in ("web", "db"):
        world.keeper.end(each, 3)
    world.reactor.turn()
    assert [each.phase for each in world.controller.jails()] == ["failed", "backoff"]

    reboot(world, is_volatile=False)
    world.controller.define(configure_id, "config")
    world.connect()

    assert [(each.phase, each.restarts, each.last_exit is None) for each in world.controller.jails()] == [
        ("running", 0, False),
        ("running", 0, True),
    ]


def test_a_pid_of_an_earlier_boot_is_nobodys(world):
    """What was expected then is not looked for, and told as no exit."""
    configure(world)

    reboot(world, is_volatile=False)
    configure(world)
    world.connect()

    assert [each for each in world.events if " exit " in each] == []
    assert stands(world) == [("up", "running")]


def test_a_restart_of_the_daemon_is_no_reboot(world):
    """A jail of ``always`` that was stopped stays down."""
    configure(world, restart=RestartRule("always"))
    world.controller.stop("web", "uid:0")
    world.reactor.turn()

    world.make_daemon()

    assert stands(world) == [("down", "idle")]


def test_a_disk_that_refuses_stops_no_jail_and_is_told(world):
    """What runs goes on and can be stopped; when the disk takes it again, it is written."""
    configure(world)
    shutil.rmtree(f"{world.directory}/wishes")

    stopped = world.controller.stop("web", "uid:0")
    world.reactor.turn()
    assert value(stopped).phase == "idle"
    assert any(
        each.startswith("- store state=waiting degraded=what is wanted does not outlast a reboot yet: cannot write")
        for each in world.events
    )
    (world.path / "wishes").mkdir()
    world.reactor.turn(1.0)

    assert world.events[-1] == "- store state=writing"
    reboot(world)
    configure(world)
    world.connect()
    assert stands(world) == [("down", "idle")]


def test_what_is_forgotten_leaves_nothing_behind(world):
    """Neither a definition nor a wish."""
    world.run("web", settings=Settings(restart=RestartRule("always")))
    assert [each.name for each in (world.path / "wishes").iterdir()] == ["web.json"]

    world.controller.delete("web", "uid:0", force=True)
    world.reactor.turn()

    assert list((world.path / "wishes").iterdir()) == []
    assert list((world.path / "jails").iterdir()) == []
