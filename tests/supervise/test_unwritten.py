"""The disk refuses the records of jails, and takes them again; the keeper cannot write down exits."""

import os

from runjd.policy.settings import BackoffRule, RestartRule, Settings
from runjd.supervise.unwritten import RETRY
from tests.supervise.world import World, error_of, value

RULE = BackoffRule(first=1.0, factor=2.0, cap=4.0, jitter=0.0, reset_after=10.0)
ALWAYS = Settings(restart=RestartRule("always"), backoff=RULE)


class Disk:
    """The directory of the records, which can be gone."""

    def __init__(self, world: World) -> None:
        self._path = f"{world.directory}/jails"
        self._aside = f"{world.directory}/aside"

    def refuse(self) -> None:
        """Refuse all that is written."""
        os.rename(self._path, self._aside)

    def mend(self) -> None:
        """Take it again."""
        os.rename(self._aside, self._path)


def ends(world: World, status: int = 0) -> None:
    """The program ends."""
    world.keeper.end("web", status)
    world.reactor.turn()


def stores(world: World) -> list[str]:
    """Return what was told of the disk: each time its state."""
    return [each.split()[2] for each in world.events if each.startswith("- store ")]


def test_no_start_without_a_record(world):
    """The keeper is not asked; status and an event say why, and that it is over once the disk takes records again."""
    world.run()
    value(world.controller.stop("web", "uid:0"))
    disk = Disk(world)
    disk.refuse()
    world.keeper.asked.clear()

    error = error_of(world.controller.start("web", "uid:0"))
    world.reactor.turn(5 * RETRY)

    assert str(error).startswith(f"cannot write {world.directory}/jails/web.json")
    assert world.keeper.asked == []
    assert world.controller.degraded == f"{error}; no jail is started meanwhile"
    disk.mend()
    world.reactor.turn(RETRY)
    assert world.controller.degraded == ""
    assert stores(world) == ["state=waiting", "state=writing"]
    assert value(world.controller.start("web", "uid:0")).phase == "running"


def test_what_runs_goes_on_and_can_be_stopped(world):
    """Who stops the jail that fills the disk is not refused for that; it is written down as soon as it can be."""
    world.run()
    disk = Disk(world)
    disk.refuse()
    assert world.controller.facts("web").phase == "running"

    stopped = value(world.controller.stop("web", "uid:0"))
    assert (stopped.phase, stopped.want) == ("idle", "down")
    assert error_of(world.controller.enable("web", "uid:0", True)).code == "IO"

    disk.mend()
    world.reactor.turn(RETRY)
    world.make_daemon()
    assert world.controller.facts("web").want == "down"


def test_the_keeper_keeps_an_exit_until_the_daemon_has_written_it(world):
    """A daemon that dies meanwhile has lost nothing: the next one is told again."""
    program = world.run()
    disk = Disk(world)
    disk.refuse()
    ends(world, 3)
    assert f"ack web {program.pid}" not in world.keeper.asked

    disk.mend()
    world.reactor.turn(RETRY)

    assert world.keeper.asked[-1] == f"ack web {program.pid}"
    world.make_daemon()
    assert world.controller.facts("web").last_exit.status == 3


def test_a_daemon_that_dies_while_the_disk_refuses_loses_no_exit(world):
    """It could not write how the jail ended; the keeper tells the next one."""
    world.run()
    disk = Disk(world)
    disk.refuse()
    ends(world, 3)
    disk.mend()

    world.make_daemon()
    world.reactor.turn()

    assert world.controller.facts("web").last_exit.status == 3


def test_nothing_is_started_by_itself_while_the_disk_refuses(world):
    """And nothing is given up for it: jails come when the disk does."""
    world.run(settings=ALWAYS)
    disk = Disk(world)
    disk.refuse()
    ends(world, 1)
    world.keeper.asked.clear()
    for _ in range(300):
        world.reactor.turn(1.0)
    assert not any(each.startswith("run") for each in world.keeper.asked)
    assert world.controller.facts("web").phase == "backoff"

    disk.mend()
    for _ in range(5):
        world.reactor.turn(1.0)

    assert world.controller.facts("web").phase == "running"


def test_a_jail_that_was_deleted_does_not_come_back(world):
    """Its record goes as soon as the disk lets it."""
    world.run()
    value(world.controller.stop("web", "uid:0"))
    disk = Disk(world)
    disk.refuse()
    with open(f"{world.directory}/jails", "w"):
        pass
    value(world.controller.delete("web", "uid:0"))
    assert "cannot remove" in world.controller.degraded

    os.unlink(f"{world.directory}/jails")
    disk.mend()
    world.reactor.turn(RETRY)

    assert world.controller.degraded == ""
    world.make_daemon()
    assert world.controller.jails() == []


def test_a_keeper_that_cannot_write_down_exits_degrades_the_daemon(world):
    """Until it can, or is lost: the next one tells anew."""
    world.controller.listener.keeper_troubled("exits cannot be written down: No space left on device")
    assert world.controller.degraded == "the keeper: exits cannot be written down: No space left on device"
    world.controller.listener.keeper_troubled("")
    assert world.controller.degraded == ""

    world.controller.listener.keeper_troubled("exits cannot be written down: No space left on device")
    world.lose_keeper()

    assert world.controller.degraded == ""
    assert stores(world) == ["state=waiting", "state=writing"] * 2
