"""See :mod:`runjd.supervise.atonce`."""

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from runjd.errors import InputOutput
from runjd.spec.model import Process
from runjd.supervise.atonce import PATIENCE, AtOnce
from tests.supervise.world import Viewer, value


def test_what_a_thread_removed_is_removed() -> None:
    """A removal on a thread tells what came of it."""
    removed: list[str] = []
    at_once = AtOnce(Clock(), maybeDeferred, lambda jail: bool(removed.append(jail)) or True, 1)
    assert at_once("web").result is True
    assert removed == ["web"]


def test_what_a_thread_cannot_is_left_to_the_keeper() -> None:
    """A removal that fails on a thread is no failure: who asks the keeper next hears why."""

    def fail(jail: str) -> bool:
        raise InputOutput(f"{jail} cannot be read")

    assert AtOnce(Clock(), maybeDeferred, fail, 1)("web").result is False
    assert AtOnce(Clock(), maybeDeferred, lambda jail: False, 1)("web").result is False


def test_threads_that_are_stuck_are_few() -> None:
    """No more removals than the limit are on threads; the next one is the keeper's, until one of them is over."""
    stuck: list[Deferred[bool]] = []

    def in_thread(call: object, *words: object) -> Deferred[bool]:
        stuck.append(Deferred())
        return stuck[-1]

    clock = Clock()
    at_once = AtOnce(clock, in_thread, lambda jail: True, limit=2)
    begun = [at_once("one"), at_once("two")]
    assert at_once("three").result is False
    assert len(stuck) == 2
    stuck[0].callback(True)
    assert begun[0].result is True
    at_once("three")
    assert len(stuck) == 3
    assert AtOnce(clock, in_thread, lambda jail: True, limit=0)("four").result is False


def test_a_thread_that_is_stuck_is_waited_for_no_longer_than_that() -> None:
    """The keeper is asked, which tells what is wrong; what becomes of the thread later is of no more interest."""
    clock = Clock()
    stuck: Deferred[bool] = Deferred()
    at_once = AtOnce(clock, lambda *words: stuck, lambda jail: True, limit=1)
    removed = at_once("web")
    clock.advance(PATIENCE)
    assert removed.result is False
    assert at_once("next").result is False
    stuck.errback(InputOutput("it is gone"))
    assert stuck.result is None
    assert AtOnce(clock, maybeDeferred, lambda jail: True, 1)("web").result is True
    assert clock.getDelayedCalls() == []


def test_a_jail_that_the_daemon_removed_the_keeper_need_not_remove(world) -> None:
    """What the daemon removes itself the keeper is not asked to remove; that the exit is dealt with it is told."""
    removed: list[str] = []
    world.removes_at_once = lambda jail: removed.append(jail) is None
    program = world.run()
    asked = len(world.keeper.asked)
    world.keeper.end("web", 1)
    world.reactor.turn()
    assert removed == ["web"]
    assert world.keeper.asked[asked:] == [f"ack web {program.pid}"]
    assert world.controller.facts("web").phase == "idle"


def test_beside_exec_processes_the_keeper_removes(world) -> None:
    """A jail with exec processes that were not told to have ended is the keeper's to remove, which ends them."""
    world.removes_at_once = lambda jail: True
    world.run()
    value(world.controller.exec("web", Process(("/bin/sleep",)), Viewer(), "uid:0", False))
    world.keeper.end("web", 1)
    world.reactor.turn()
    assert "delete web" in world.keeper.asked


def test_a_removal_during_which_the_keeper_is_lost_is_made_again(world) -> None:
    """What a thread removed while the keeper was lost counts no more: the next keeper is asked, and tells the exit."""

    def remove(jail: str) -> bool:
        world.lose_keeper()
        return True

    world.removes_at_once = remove
    world.run()
    world.keeper.end("web", 1)
    world.reactor.turn()
    assert world.controller.facts("web").phase == "stopping"
    world.removes_at_once = lambda jail: False
    world.connect()
    world.reactor.turn()
    assert "delete web" in world.keeper.asked
    assert world.controller.facts("web").phase == "idle"
