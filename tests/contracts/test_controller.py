"""What every controller does with the lives of jails: the real one, and the one that tests of protocols use."""

from collections.abc import Iterator

import pytest
from zope.interface.verify import verifyObject

from runjd.errors import AlreadyExists, BadArgument, Cancelled, Gone, NoSuchJail, WrongState
from runjd.interfaces import IController, IEvents, ILog, ISession, IViewer
from runjd.policy.facts import Definition
from runjd.spec.model import Process
from tests.contracts.controllers import Memory, Real, definition, heard, run
from tests.supervise.world import KILL, TERM, Viewer, error_of, value


@pytest.fixture(params=[Real, Memory])
def bench(request, private_dir) -> Iterator:
    """Return one of the controllers, and how to be its programs."""
    bench = request.param(private_dir)
    yield bench
    bench.close()


def test_it_provides_the_interfaces(bench):
    """A controller, its events, its logs and its sessions are what the protocols expect."""
    run(bench)

    verifyObject(IController, bench.controller)
    verifyObject(IEvents, bench.controller.events)
    verifyObject(ILog, bench.controller.log("web"))
    verifyObject(IViewer, Viewer())
    verifyObject(ISession, bench.controller.attach("web", Viewer(), "uid:0"))


def test_a_jail_that_was_run_runs(bench):
    """Its facts say so, and the events tell the way there."""
    facts = run(bench)

    assert (facts.id, facts.want, facts.status, facts.phase, facts.ready) == ("web", "up", "running", "running", "yes")
    assert facts.pid > 0
    assert bench.controller.facts("web") == facts
    assert [each for each in heard(bench) if " state " in each] == [
        "web state from=idle to=starting by=uid:1001",
        "web state from=starting to=running by=uid:1001",
    ]


def test_a_definition_is_told(bench):
    """Whoever listens learns of a new jail and of its deletion."""
    run(bench)
    bench.exit(0)
    bench.turn()
    value(bench.controller.delete("web", "uid:0"))

    assert heard(bench)[0] == "web defined by=uid:1001 bundle=/bundles/web"
    assert heard(bench)[-1] == "web deleted by=uid:0"


def test_jails_are_sorted_by_id(bench):
    """The list has an order that does not change."""
    for each in ("web", "db", "mail"):
        value(bench.controller.run(definition(each), "uid:0"))

    assert [facts.id for facts in bench.controller.jails()] == ["db", "mail", "web"]


@pytest.mark.parametrize("wrong", ["", "../x", "a" * 201, "a b", "-x", ".hidden", "a/b", "a\n"])
def test_an_illegal_id_is_refused(bench, wrong):
    """Nothing that could become a path gets in."""
    assert isinstance(error_of(bench.controller.run(definition(wrong), "uid:0")), BadArgument)
    assert bench.controller.jails() == []


def test_an_unknown_runtime_is_refused(bench):
    """The error names what there is."""
    error = error_of(bench.controller.run(Definition("web", "/b", "nonsense"), "uid:0"))

    assert isinstance(error, BadArgument)
    assert bench.controller.runtimes[0] in str(error)


def test_an_id_that_is_taken_is_refused(bench):
    """The jail that has it is not touched."""
    facts = run(bench)

    assert isinstance(error_of(bench.controller.run(definition(), "uid:0")), AlreadyExists)
    assert bench.controller.facts("web") == facts


def test_a_start_that_fails_leaves_nothing(bench):
    """The error comes word for word, and the id is free again."""
    bench.fail_next_start(WrongState("no such program"))

    assert str(error_of(bench.controller.run(definition(), "uid:0"))) == "no such program"

    assert bench.controller.jails() == []
    run(bench)


def test_a_jail_that_cannot_be_started_again_is_failed(bench):
    """It says why, and can be tried again."""
    run(bench)
    value(bench.controller.stop("web", "uid:0"))
    bench.fail_next_start(WrongState("no such program"))

    assert str(error_of(bench.controller.start("web", "uid:0"))) == "no such program"

    facts = bench.controller.facts("web")
    assert (facts.phase, facts.reason) == ("failed", "no such program")
    assert value(bench.controller.start("web", "uid:0")).phase == "running"
    assert bench.controller.facts("web").reason == ""


@pytest.mark.parametrize(("status", "signal", "words"), [(3, None, "exit=3"), (None, 9, "signal=9")])
def test_an_exit_is_told_with_its_reason(bench, status, signal, words):
    """Status or signal are in the facts and in the event, which comes before the phase."""
    run(bench)

    bench.exit(status, signal)

    facts = bench.controller.facts("web")
    assert (facts.status, facts.phase, facts.pid) == ("stopped", "idle", 0)
    assert (facts.last_exit.status, facts.last_exit.signal) == (status, signal)
    assert heard(bench)[-2:] == [f"web exit {words} by=program", "web state from=running to=idle by=program"]


def test_a_jail_to_be_removed_is_forgotten_when_it_ended(bench):
    """Whoever waited for its end still learns how it ended."""
    run(bench, remove=True)
    stopped = bench.controller.wait("web", "stopped")

    bench.exit(7)

    assert value(stopped).last_exit.status == 7
    assert bench.controller.jails() == []
    assert heard(bench)[-1] == "web deleted by=program"


def test_a_stop_ends_the_program(bench):
    """SIGTERM is enough for a program that heeds it."""
    run(bench)

    stopped = bench.controller.stop("web", "uid:0")
    bench.turn()

    facts = value(stopped)
    assert (facts.want, facts.phase, facts.last_exit.signal) == ("down", "idle", TERM)


def test_a_stop_kills_what_does_not_heed_it(bench):
    """SIGKILL follows after the time that was given."""
    run(bench)
    bench.ignore_term()

    stopped = bench.controller.stop("web", "uid:0", timeout=3.0)
    bench.turn(2.9)
    assert bench.controller.facts("web").phase == "stopping"
    bench.turn(0.2)

    assert value(stopped).last_exit.signal == KILL


def test_a_jail_that_is_down_is_stopped_at_once(bench):
    """Stopping twice is no error."""
    run(bench)
    value(bench.controller.stop("web", "uid:0"))

    assert value(bench.controller.stop("web", "uid:0")).phase == "idle"


def test_starting_what_runs_changes_nothing(bench):
    """The same process goes on."""
    facts = run(bench)

    assert value(bench.controller.start("web", "uid:0")) == facts


def test_a_restart_makes_a_new_process(bench):
    """The jail is stopped, then started."""
    before = run(bench)

    restarted = bench.controller.restart("web", "uid:0")
    bench.turn()

    after = value(restarted)
    assert after.phase == "running"
    assert after.pid != before.pid


@pytest.mark.parametrize("call", ["facts", "log", "start", "stop", "kill", "delete", "wait", "exec", "exec_defaults"])
def test_an_unknown_jail_is_named_with_what_was_meant(bench, call):
    """Every verb answers alike."""
    run(bench)
    words = {
        "start": ("by",),
        "stop": ("by",),
        "kill": (9, "by"),
        "delete": ("by",),
        "wait": ("ready",),
        "exec": (Process(("/bin/true",)), Viewer(), "by", False),
    }.get(call, ())

    try:
        error = error_of(getattr(bench.controller, call)("webb", *words))
    except NoSuchJail as raised:
        error = raised

    assert isinstance(error, NoSuchJail)
    assert str(error) == 'no jail named "webb"; did you mean "web"?'


def test_a_running_jail_is_not_deleted_without_force(bench):
    """It runs on."""
    run(bench)

    assert isinstance(error_of(bench.controller.delete("web", "uid:0")), WrongState)
    assert bench.controller.facts("web").phase == "running"


def test_a_running_jail_is_killed_and_deleted_with_force(bench):
    """It is gone when the Deferred fires, and so are those that waited for it."""
    run(bench)
    bench.ignore_term()
    stopped = bench.controller.wait("web", "stopped")

    deleted = bench.controller.delete("web", "uid:0", force=True)
    bench.turn()

    value(deleted)
    assert value(stopped).last_exit.signal == KILL
    assert bench.controller.jails() == []


def test_what_is_waited_for_and_is_so_fires_at_once(bench):
    """Waiting looks first."""
    run(bench)

    assert value(bench.controller.wait("web", "ready")).phase == "running"
    assert isinstance(error_of(bench.controller.wait("web", "nonsense")), BadArgument)


def test_a_wait_can_be_cancelled(bench):
    """The waiting ends with CANCELLED, the jail goes on."""
    run(bench)
    waiting = bench.controller.wait("web", "stopped")

    waiting.cancel()

    assert isinstance(error_of(waiting), Cancelled)
    bench.exit(0)


def test_a_start_that_nobody_waits_for_goes_on(bench):
    """Cancelling a start cancels the waiting only."""
    bench.slow_starts()
    started = bench.controller.run(definition(), "uid:0")
    assert bench.controller.facts("web").phase == "starting"

    started.cancel()
    assert isinstance(error_of(started), Cancelled)
    bench.turn(1.1)

    assert bench.controller.facts("web").phase == "running"


def test_a_stop_during_a_start_wins(bench):
    """The program is ended as soon as it runs, and whoever waited for the start is told."""
    run(bench)
    value(bench.controller.stop("web", "uid:0"))
    bench.slow_starts()
    started = bench.controller.start("web", "uid:0")
    stopped = bench.controller.stop("web", "uid:0")
    assert bench.controller.facts("web").phase == "stopping"

    bench.turn(1.1)
    bench.turn()

    assert value(stopped).phase == "idle"
    assert isinstance(error_of(started), Gone)


def test_a_plan_changes_nothing(bench):
    """It tells what a start would do, and names a near miss."""
    run(bench)
    bench.exit(0)
    bench.turn()

    (step,) = bench.controller.plan(["web"])

    assert (step.jail, step.does, step.step, step.phase) == ("web", "start", 1, "idle")
    assert bench.controller.facts("web").phase == "idle"
    with pytest.raises(NoSuchJail, match="web"):
        bench.controller.plan(["webb"])


def test_a_jail_is_paused_and_resumed(bench):
    """It is a status of a jail that runs; both are told, and a stop ends it."""
    run(bench)

    assert value(bench.controller.pause("web", "uid:7")).status == "paused"
    assert value(bench.controller.resume("web", "uid:7")).status == "running"
    value(bench.controller.pause("web", "uid:7"))
    value(bench.controller.stop("web", "uid:8"))

    told = [dict(each.details) for each in bench.controller.events.since(0)[1] if each.ev == "pause"]
    assert [(each["paused"], each["by"]) for each in told] == [
        ("yes", "uid:7"),
        ("no", "uid:7"),
        ("yes", "uid:7"),
        ("no", "uid:8"),
    ]
    assert error_of(bench.controller.pause("web", "uid:7")).code == WrongState.code
    assert error_of(bench.controller.resume("absent", "uid:7")).code == NoSuchJail.code
