"""A daemon dies and the next one takes over; the keeper lives on, or dies, too."""

import pytest

from runjd.errors import KeeperLost
from runjd.policy.facts import Definition
from runjd.policy.settings import BackoffRule, RestartRule, Settings
from runjd.spec.model import Process
from runjd.supervise.exec import RETURN
from tests.supervise.world import NOW, TERM, Viewer, error_of, has_fired, value


def test_a_running_jail_is_adopted(world):
    """It is known with its definition and its age, and its output is read on."""
    program = world.run(stdin=True)
    world.now += 100
    world.make_daemon()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.pid, facts.want, facts.started_at) == ("running", program.pid, "up", NOW)
    assert facts.definition == Definition("web", "/bundles/web", "linux", stdin=True)
    assert world.events == [f"web state from=unknown to=running by=keeper pid={program.pid}"]

    program.output(b"on and on\n")
    world.reactor.turn()
    assert world.log() == "stdout F on and on"


def test_output_that_came_meanwhile_is_logged(world):
    """The FIFO kept it."""
    program = world.run()
    world.make_daemon(connects=False)
    program.output(b"nobody was here\n")

    world.connect()
    world.reactor.turn()

    assert world.log() == "stdout F nobody was here"


def test_what_the_keeper_spooled_is_logged_first(world):
    """What the FIFO has is newer."""
    program = world.run()
    world.make_daemon(connects=False)
    program.spool(b"first\n")
    program.output(b"second\n")

    world.connect()
    world.reactor.turn()

    assert world.log() == "stdout F first | stdout F second"
    assert world.controller.facts("web").phase == "running"


def test_what_the_keeper_spooled_comes_before_the_exit(world):
    """All of it is logged, and then how the process ended is told."""
    program = world.run()
    world.make_daemon(connects=False)
    program.spool(b"first\n" * 100_000)
    program.output(b"last words\n")
    world.keeper.end("web", 42)

    world.connect()
    world.reactor.turn()

    assert world.log() == "stdout F first | " * 100_000 + "stdout F last words"
    assert f"web exit pid={program.pid} exit=42 by=program" in world.events


def test_a_daemon_that_was_cut_off_logs_what_the_keeper_read_meanwhile(world):
    """It has the FIFO itself, and reads it on."""
    program = world.run()
    world.lose_keeper()
    program.spool(b"meanwhile\n")

    world.connect()
    world.reactor.turn()
    program.output(b"on and on\n")
    world.reactor.turn()

    assert world.log() == "stdout F meanwhile | stdout F on and on"


def test_an_exit_that_nobody_saw_is_told_with_its_time(world):
    """Its output is logged first; then it is as if the daemon had been there."""
    program = world.run()
    world.make_daemon(connects=False)
    program.output(b"last words\n")
    world.keeper.end("web", 42, at=NOW + 3)
    world.now += 60

    world.connect()
    world.reactor.turn()

    assert world.log() == "stdout F last words"
    assert world.controller.facts("web").last_exit == program.exit
    assert f"web exit pid={program.pid} exit=42 by=program" in world.events
    assert [event.at for event in world.site.events.since(0)[1] if event.ev == "exit"] == [NOW + 3]
    assert world.keeper.programs == {}


def test_a_jail_that_the_keeper_lost_has_an_unknown_exit(world):
    """What is left of it is removed; the exit is neither 0 nor 255."""
    world.run()
    world.make_daemon(connects=False)
    world.keeper.programs.pop(("web", "")).close()
    world.keeper.leftovers = ["web"]

    world.connect()
    world.reactor.turn()

    facts = world.controller.facts("web")
    assert facts.phase == "idle"
    assert not facts.last_exit.is_known
    assert "web exit exit=unknown by=keeper" in world.events
    assert world.keeper.asked[-1] == "delete web force"


def test_a_start_that_never_happened_happens_now(world):
    """A daemon that died between its note and the keeper left only a note: no exit, no failure, no restart."""
    world.keeper.holds_starts = True
    world.controller.run(Definition("web", "/bundles/web", ""), "uid:0").addErrback(lambda _: None)
    world.keeper.held.clear()

    world.keeper.holds_starts = False
    world.make_daemon()
    world.reactor.turn()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.last_exit, facts.restarts) == ("running", None, 0)
    assert not [each for each in world.events if " exit " in each]


def test_a_jail_that_was_down_stays_down(world):
    """Its last exit is still known, and the keeper is not bothered."""
    program = world.run()
    world.keeper.end("web", 5)
    world.reactor.turn()
    asked = len(world.keeper.asked)

    world.make_daemon()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.status, facts.last_exit) == ("idle", "stopped", program.exit)
    assert world.keeper.asked[asked:] == []


def test_a_stop_is_remembered(world):
    """What was to be stopped when the daemon died is stopped by the next one."""
    program = world.run()
    program.ignores.add(TERM)
    world.controller.stop("web", "uid:0")
    program.ignores.clear()

    world.make_daemon()
    world.reactor.turn()

    assert world.controller.facts("web").phase == "idle"
    assert program.signals == [TERM, TERM]


def test_a_jail_without_a_definition_is_adopted_by_its_note(world):
    """The keeper's note is enough."""
    world.run(remove=True)
    world.site.definitions.remove("web")

    world.make_daemon()

    assert world.controller.facts("web").definition.remove
    world.keeper.end("web", 0)
    world.reactor.turn()
    assert world.controller.jails() == []


def test_a_jail_without_definition_and_note_is_adopted_all_the_same(world):
    """A stranger's process is never just dropped."""
    program = world.run()
    program.note = {"definition": "nonsense"}
    world.site.definitions.remove("web")

    world.make_daemon()

    assert world.controller.facts("web").phase == "running"


def test_an_exec_is_adopted_until_its_end(world):
    """Where its viewer does not come back, its output is dropped; on a terminal it is hung up."""
    world.run()
    plain = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))
    shell = value(world.controller.exec("web", Process(("/bin/sh",), terminal=True), Viewer(), "uid:0", True))
    world.make_daemon()
    world.reactor.turn()
    assert [each for each in world.events if " exit " in each] == []

    world.reactor.advance(RETURN)
    world.reactor.turn()

    assert [each for each in world.events if " exit " in each] == [
        f"web exit exec={shell.exec_id} pid={shell.pid} signal=1"
    ]
    world.keeper.programs["web", plain.exec_id].output(b"x" * 60_000)
    world.keeper.end("web", 0, exec_id=plain.exec_id)
    world.reactor.turn()
    assert world.keeper.asked[-1] == f"ack web {plain.exec_id} {plain.pid}"


def test_who_comes_back_to_an_exec_finds_all_of_it(world):
    """What it wrote with nobody there is shown to the viewer that comes in time; then it is not hung up."""
    world.run()
    shell = value(world.controller.exec("web", Process(("/bin/sh",), terminal=True), Viewer(), "uid:0", True))
    world.make_daemon()
    world.keeper.programs["web", shell.exec_id].output(b"meanwhile")
    world.reactor.turn()
    viewer = Viewer()

    world.controller.attach("web", viewer, "uid:0", shell.exec_id)
    world.reactor.turn()
    world.reactor.advance(RETURN)
    world.reactor.turn()

    assert viewer.shown["out"] == b"meanwhile"
    assert [each for each in world.events if " exit " in each] == []


def test_a_new_exec_has_an_id_of_its_own(world):
    """
    The ids of an earlier daemon's execs are not used twice, also when they have ended.

    Whoever comes back to one of them would look at, and type into, the program of another one.
    """
    world.run()
    old = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))
    world.make_daemon(connects=False)
    world.keeper.end("web", 0, exec_id=old.exec_id)
    world.connect()
    world.reactor.turn()

    new = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))

    assert new.exec_id != old.exec_id


def test_the_exit_of_an_exec_that_is_not_known_is_acknowledged(world):
    """An exec that ended before its daemon died does not stay with the keeper."""
    world.run()
    session = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))
    world.make_daemon(connects=False)
    world.keeper.end("web", 0, exec_id=session.exec_id)

    world.connect()
    world.reactor.turn()

    assert world.keeper.asked[-1] == f"ack web {session.exec_id} {session.pid}"


# --- the connection to the keeper breaks ------------------------------------------------


def test_a_lost_keeper_makes_a_jail_unknown_that_nobody_else_watches(world):
    """Nothing is read meanwhile; viewers are let go; afterwards all is as before."""
    world.eyes.gone.add(101)
    program = world.run()
    viewer = Viewer()
    world.controller.attach("web", viewer, "uid:0")

    world.lose_keeper()
    program.output(b"unread\n")
    world.reactor.turn()
    assert world.controller.facts("web").phase == "unknown"
    assert viewer.ends == [None]
    assert world.log() == ""

    world.connect()
    world.reactor.turn()
    assert world.controller.facts("web").phase == "running"
    assert world.log() == "stdout F unread"
    assert [each for each in world.events if each.startswith("- keeper")] == [
        "- keeper state=lost watched=0 reason=it closed the connection",
        "- keeper state=connected",
    ]


@pytest.mark.parametrize("verb", ["start", "restart", "delete"])
def test_what_needs_a_keeper_is_refused_without_one(world, verb):
    """Whoever asks is told to come back."""
    world.run()
    world.lose_keeper()

    options = {"force": True} if verb == "delete" else {}
    error = error_of(getattr(world.controller, verb)("web", "uid:0", **options))

    assert error.code == "BUSY"
    assert error_of(world.controller.run(Definition("other", "/b", ""), "uid:0")).code == "BUSY"


def test_a_keeper_that_is_lost_during_a_start_may_have_started_it(world):
    """Whoever waits is told that the answer is lost; the jail is found later."""
    world.keeper.holds_starts = True
    started = world.controller.run(Definition("web", "/bundles/web", ""), "uid:0")
    held, world.keeper.held = world.keeper.held, []
    assert len(held) == 1

    # as the client does it: first all requests fail, then the loss is told
    lost = KeeperLost("the keeper closed the connection")
    world.controller.listener._jails["web"].waiters.failed(lost)
    world.lose_keeper()
    assert error_of(started) is lost
    held[0]()
    world.connect()

    assert world.controller.facts("web").phase == "running"


def test_an_exit_is_told_once_though_the_keeper_tells_it_twice(world):
    """A connection that breaks between an exit and its acknowledgement doubles nothing."""
    program = world.run()
    world.keeper.end("web", 3, leaves_grandchildren=True)
    world.reactor.turn()
    assert f"web exit pid={program.pid} exit=3 by=program" in world.events

    world.lose_keeper()
    program.finish()
    world.connect()
    world.reactor.turn()

    assert len([each for each in world.events if " exit " in each]) == 1
    assert world.controller.facts("web").phase == "idle"


def test_what_nobody_watched_and_no_keeper_knows_has_an_unknown_exit(world):
    """A keeper that died took the statuses along: the exits are unknown, and what is left is removed."""
    world.eyes.gone.update((101, 102))
    world.run("web")
    world.run("db")
    stopped = world.controller.wait("db", "stopped")
    world.kill_keeper()

    world.take_nothing_in()
    world.reactor.turn()

    assert [facts.phase for facts in world.controller.jails()] == ["idle", "idle"]
    assert not value(stopped).last_exit.is_known


# --- the daemon's end ----------------------------------------------------------------------


def test_a_daemon_that_lets_go_leaves_the_jails_alone(world):
    """All that was read is in the log, unfinished lines included; the jails go on."""
    program = world.run()
    program.output(b"whole\nhalf")
    world.reactor.turn()

    let_go = world.controller.let_go()

    value(let_go)
    assert world.log() == "stdout F whole | stdout P half"
    assert program.exit is None
    assert world.reactor.readers == {world.site.vigil}
    assert world.eyes.watched == {}
    world.reactor.turn()
    assert world.reactor.getDelayedCalls() == []


def test_letting_go_waits_for_the_disk(world):
    """It fires when all is written."""
    program = world.run()
    world.writer.is_held = True
    program.output(b"1\n")
    world.reactor.turn()

    let_go = world.controller.let_go()
    assert not has_fired(let_go)
    world.writer.release()

    assert has_fired(let_go)


def test_a_shutdown_that_keeps_ends_the_daemon_only(world):
    """The jails and the keeper go on."""
    program = world.run()

    value(world.controller.shutdown("keep", "uid:0"))

    assert world.left == 1
    assert program.exit is None
    assert "shutdown" not in world.keeper.asked


def test_a_shutdown_that_stops_ends_everything(world):
    """Jails first, then the keeper, then the daemon; nothing new is started meanwhile."""
    program = world.run()
    program.ignores.add(TERM)

    done = world.controller.shutdown("stop", "uid:0")
    assert error_of(world.controller.run(Definition("new", "/b", ""), "uid:0")).code == "STATE"
    assert world.left == 0
    world.keeper.end("web", 0)
    world.reactor.turn()

    value(done)
    assert world.keeper.asked[-1] == "shutdown"
    assert world.left == 1


def test_a_start_that_never_happened_is_not_made_up_for_where_it_was_stopped(world):
    """The stop counts, that came behind it."""
    world.keeper.holds_starts = True
    world.controller.run(Definition("web", "/bundles/web", ""), "uid:0").addErrback(lambda _: None)
    world.controller.stop("web", "uid:0").addErrback(lambda _: None)
    world.keeper.held.clear()

    world.keeper.holds_starts = False
    world.make_daemon()
    world.reactor.turn()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.want, facts.last_exit) == ("idle", "down", None)


@pytest.mark.parametrize("is_orderly", [True, False])
def test_an_end_that_was_told_is_not_told_again_after_an_orderly_end(world, is_orderly):
    """Its removal was under way; after SIGKILL it is told again, as nobody knows who heard of it."""
    program = world.run()
    world.keeper.hold_deletes()
    world.keeper.end("web", 5)
    world.reactor.turn()
    exit = f"web exit pid={program.pid} exit=5 by=program"
    assert exit in world.events

    if is_orderly:
        world.controller.note_ends()
    world.make_daemon()
    world.reactor.turn()

    assert (exit.removesuffix("program") in [each.rsplit("by=")[0] + "by=" for each in world.events]) != is_orderly
    facts = world.controller.facts("web")
    assert (facts.phase, facts.last_exit) == ("idle", program.exit)


def test_the_end_of_a_start_that_the_keeper_did_not_live_to_tell_is_not_that_of_the_run_before(world):
    """Something of it is left, so it ran; nobody knows its pid, nor how it ended."""
    program = world.run()
    world.keeper.end("web", 5)
    world.reactor.turn()
    world.keeper.holds_starts = True
    world.controller.start("web", "uid:0").addErrback(lambda _: None)
    world.events.clear()

    world.lose_keeper()
    world.keeper.held.clear()
    world.keeper.jails.add("web")
    world.keeper.leftovers = ["web"]
    world.connect()
    world.reactor.turn()

    [exit] = [each for each in world.events if " exit " in each]
    assert exit == "web exit exit=unknown by=keeper"
    assert str(program.pid) not in exit


def test_a_daemon_that_dies_while_it_removes_what_a_dead_pair_left_loses_no_end(world):
    """The next one finds nothing of it anywhere: not a start that never was, but an end that was told once."""
    world.run(settings=Settings(restart=RestartRule("always"), backoff=BackoffRule(first=5.0, jitter=0.0)))
    world.make_daemon(connects=False)
    world.keeper.programs.pop(("web", "")).close()
    world.keeper.leftovers = ["web"]
    world.keeper.hold_deletes()
    world.connect()
    world.reactor.turn()
    assert "web exit exit=unknown by=keeper" in world.events

    world.keeper.leftovers = []
    world.make_daemon()
    world.reactor.turn()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.last_exit.is_known) == ("backoff", False)
    assert [each for each in world.events if " exit " in each] == []
    world.reactor.turn(5.0)
    assert (world.controller.facts("web").phase, world.controller.facts("web").restarts) == ("running", 1)


def test_a_jail_that_was_forgotten_does_not_come_back(world):
    """The daemon died before the keeper heard of it; whatever the rule, its end is told, and it is forgotten again."""
    program = world.run(settings=Settings(restart=RestartRule("on-failure")))
    world.keeper.disconnect()
    world.keeper.end("web", 5)
    world.site.definitions.remove("web")

    world.make_daemon()
    world.reactor.turn()

    assert f"web exit pid={program.pid} exit=5 by=program" in world.events
    assert world.events[-1].startswith("web deleted")
    assert (world.controller.jails(), world.keeper.programs) == ([], {})
