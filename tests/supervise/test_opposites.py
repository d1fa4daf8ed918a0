"""Who asks for opposite things, and who leaves in the middle of what he asked for."""

from runjd.errors import RuntimeFailure
from runjd.policy.facts import Definition
from runjd.spec.model import Process
from tests.supervise.world import KILL, TERM, Viewer, error_of, has_fired, value


def test_a_restart_goes_on_when_nobody_waits_for_it(world):
    """Whoever asked for it may leave while the jail stops: it is started again all the same."""
    program = world.run()
    program.ignores.add(TERM)
    restarted = world.controller.restart("web", "uid:0")
    restarted.cancel()
    assert error_of(restarted).code == "CANCELLED"

    world.keeper.end("web", 0)
    world.reactor.turn()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.want) == ("running", "up")
    assert facts.pid != program.pid


def test_a_restart_of_a_jail_that_starts_waits_for_it(world):
    """It was not up yet, so nothing has to be stopped."""
    world.keeper.holds_starts = True
    started = world.controller.run(Definition("web", "/b", ""), "uid:0")
    restarted = world.controller.restart("web", "uid:0")

    world.keeper.answer()
    world.reactor.turn()

    assert value(started).pid == value(restarted).pid


def test_a_stop_takes_back_a_restart(world):
    """The last word counts."""
    program = world.run()
    program.ignores.add(TERM)
    restarted = world.controller.restart("web", "uid:0")
    stopped = world.controller.stop("web", "uid:0")
    world.keeper.end("web", 0)
    world.reactor.turn()

    assert value(stopped).phase == "idle"
    assert error_of(restarted).code == "GONE"
    assert world.controller.facts("web").want == "down"


def test_a_restart_is_no_end_of_a_jail_that_is_to_be_forgotten_then(world):
    """A jail of ``rm=yes`` is restarted like any other, and forgotten once it ends by itself."""
    program = world.run(remove=True)
    restarted = world.controller.restart("web", "uid:0")
    world.reactor.turn()
    assert value(restarted).pid != program.pid
    assert [facts.id for facts in world.controller.jails()] == ["web"]

    world.keeper.end("web", 0)
    world.reactor.turn()

    assert world.controller.jails() == []


def test_whoever_hears_of_the_end_of_a_jail_that_is_forgotten_cannot_start_it(world):
    """Else a jail would run that nobody knows."""
    world.run(remove=True)
    started = world.controller.wait("web", "stopped").addCallback(lambda _: world.controller.start("web", "uid:0"))
    world.keeper.end("web", 0)
    world.reactor.turn()

    assert error_of(started).code == "GONE"
    assert world.keeper.programs == {}


def test_a_jail_that_is_being_deleted_is_not_started(world):
    """Who asked for its end was first, and whoever starts it is told at once."""
    program = world.run()
    answer = world.keeper.hold_deletes()
    deleted = world.controller.delete("web", "uid:0", force=True)
    assert program.signals == [KILL]
    world.reactor.turn()
    started = world.controller.start("web", "uid:0")

    answer()
    world.reactor.turn()

    assert error_of(started).code == "GONE"
    value(deleted)
    assert world.controller.jails() == []


def test_a_start_cannot_overtake_the_removal_of_what_was_left(world):
    """While the keeper clears up a jail that is to be forgotten, it is not started: nobody would know of it."""
    world.run()
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "Device or resource busy")
    world.keeper.end("web", 0)
    world.reactor.turn()
    answers = world.keeper.hold_deletes()
    deleted = world.controller.delete("web", "uid:0")
    started = world.controller.start("web", "uid:0")
    answers()
    world.reactor.turn()

    assert error_of(started).code == "GONE"
    value(deleted)
    assert world.keeper.programs == {}


def test_a_start_that_is_aborted_may_be_hurried(world):
    """A kill in the middle of a start does not wait for the grace of the stop before it."""
    world.keeper.holds_starts = True
    world.controller.run(Definition("web", "/b", ""), "uid:0").addErrback(lambda _: None)
    stopped = world.controller.stop("web", "uid:0", 100.0)
    deleted = world.controller.delete("web", "uid:0", force=True)

    world.keeper.answer()
    world.reactor.turn()

    assert has_fired(stopped)
    value(deleted)


def test_two_shutdowns_are_one(world):
    """The second one waits for the end of the first; the keeper is ended once."""
    world.run()
    first, second = (world.controller.shutdown("stop", "uid:0") for _ in range(2))
    world.reactor.turn()

    value(first)
    value(second)

    assert world.keeper.asked.count("shutdown") == 1
    assert world.left == 1


def test_a_shutdown_that_keeps_overtakes_one_that_stops(world):
    """Who wants the daemon gone now need not wait; the jails go on stopping, and the daemon leaves once."""
    program = world.run()
    program.ignores.add(TERM)
    stopping = world.controller.shutdown("stop", "uid:0")
    value(world.controller.shutdown("keep", "uid:0"))
    assert world.left == 1
    assert not has_fired(stopping)

    world.keeper.end("web", 0)
    world.reactor.turn()

    assert world.left == 1


def test_a_stop_of_what_ended_by_itself_is_remembered(world):
    """The next daemon knows that it was wanted down."""
    world.run()
    world.keeper.end("web", 0)
    world.reactor.turn()
    value(world.controller.stop("web", "uid:0"))

    world.make_daemon()

    assert world.controller.facts("web").want == "down"


def test_a_shutdown_goes_on_when_nobody_waits_for_it(world):
    """Whoever asked for it may leave while the jails stop."""
    program = world.run()
    program.ignores.add(TERM)
    asked = world.controller.shutdown("stop", "uid:0")
    asked.addErrback(lambda _: None)
    asked.cancel()

    world.keeper.end("web", 0)
    world.reactor.turn()

    assert world.keeper.asked[-1] == "shutdown"
    assert world.left == 1


def test_a_restart_hurries_a_stop(world):
    """The shorter grace counts, and the jail is started behind it."""
    program = world.run()
    program.ignores.add(TERM)
    world.controller.stop("web", "uid:0", 100.0)
    first = world.controller.restart("web", "uid:0", 1.0)
    second = world.controller.restart("web", "uid:0", 50.0)

    world.reactor.turn(1.1)

    assert value(first).pid == value(second).pid != program.pid
    assert program.signals == [TERM, KILL]


def test_who_looks_at_an_exec_of_a_jail_that_is_forgotten_is_let_go(world):
    """Where nothing is isolated the process lives on; its exit is acknowledged, and nobody waits for it for ever."""
    world.run(remove=True)
    viewer = Viewer()
    session = value(world.controller.exec("web", Process(("/bin/sleep",)), viewer, "uid:0", False))
    answer = world.keeper.hold_deletes()
    world.keeper.end("web", 0)
    world.reactor.turn()
    answer()
    world.reactor.turn()
    assert viewer.ends == [None]

    world.keeper.end("web", 0, exec_id=session.exec_id)
    world.reactor.turn()

    assert world.keeper.programs == {}


def test_a_restart_is_taken_up_again_with_the_keeper(world):
    """Whoever waits is not told that the old process is the new one; what was asked of the lost keeper is repeated."""
    program = world.run()
    program.ignores.add(TERM)
    restarted = world.controller.restart("web", "uid:0")

    world.lose_keeper()
    assert not has_fired(restarted)
    world.connect()
    assert program.signals == [TERM, TERM]
    world.keeper.end("web", 0)
    world.reactor.turn()

    facts = value(restarted)
    assert facts.phase == "running"
    assert facts.pid != program.pid
