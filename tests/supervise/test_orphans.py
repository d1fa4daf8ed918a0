"""The keeper is killed and the jails live on: the daemon watches them, and the next keeper takes them in."""

import os

import pytest

from runjd.errors import InputOutput
from runjd.spec.model import Process
from runjd.supervise.watching import ALONE
from tests.supervise.world import KILL, TERM, Viewer, error_of, has_fired, value


def test_a_jail_that_lives_on_is_shown_as_running(world):
    """The loss is said at once, with how many jails are watched; each says why it is as it is."""
    program = world.run()

    world.kill_keeper()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.status, facts.pid, facts.reason) == ("running", "running", program.pid, ALONE)
    assert world.events[-1] == "- keeper state=lost watched=1 reason=it closed the connection"


def test_its_output_is_read_and_shown_on(world):
    """The daemon has descriptors of its own; whoever looks on goes on looking."""
    program = world.run()
    viewer = Viewer()
    world.controller.attach("web", viewer, "uid:0")
    world.kill_keeper()

    program.output(b"still here\n")
    world.reactor.turn()

    assert world.log() == "stdout F still here"
    assert viewer.shown["out"] == b"still here\n"
    assert viewer.ends == []


@pytest.mark.parametrize(
    ("status", "signal", "words"),
    [(7, None, "exit=7"), (0, None, "exit=0"), (None, 9, "signal=9"), (None, None, "exit=unknown")],
)
def test_its_end_is_told_as_the_watch_knows_it(world, status, signal, words):
    """Its last output first; what nobody can know is neither 0 nor 255. A new keeper removes what is left."""
    program = world.run()
    world.kill_keeper()
    program.output(b"last words\n")

    world.end_orphan(status=status, signal=signal)
    world.reactor.turn()
    assert world.log() == "stdout F last words"
    assert [each for each in world.events if " exit " in each] == [f"web exit pid={program.pid} {words} by=program"]
    assert world.controller.facts("web").phase == "stopping"

    world.take_nothing_in()
    world.reactor.turn()
    facts = world.controller.facts("web")
    assert (facts.phase, facts.reason) == ("idle", "")
    assert facts.last_exit.is_known == (words != "exit=unknown")
    assert world.keeper.asked[-2:] == ["delete web", f"ack web {program.pid}"]
    assert world.eyes.watched == {}


def test_an_end_just_before_the_loss_is_not_lost_with_the_keeper(world):
    """The watch saw it, and waited for the keeper's record that does not come any more."""
    program = world.run()
    world.orphans = dict(world.keeper.programs)
    world.end_orphan(status=3)
    world.reactor.turn()
    assert world.controller.facts("web").phase == "running"

    world.kill_keeper()
    world.reactor.turn()

    assert f"web exit pid={program.pid} exit=3 by=program" in world.events


def test_the_keepers_record_counts_while_there_is_one(world):
    """It has the time of the end; the watch that saw the same is not listened to."""
    program = world.run()
    world.eyes.see(program.pid, 5)
    world.reactor.turn()
    assert not [each for each in world.events if " exit " in each]

    world.keeper.end("web", 5)
    world.reactor.turn()

    assert [each for each in world.events if " exit " in each] == [f"web exit pid={program.pid} exit=5 by=program"]
    assert world.controller.facts("web").phase == "idle"


def test_a_jail_that_somebody_else_removes_is_told(world):
    """Where the kernel tells it (FreeBSD 15): then the program did not fall by itself."""
    world.run()
    (jid,) = world.eyes.jails

    world.eyes.see_removal(jid)
    world.reactor.turn()
    world.keeper.end("web", None, 9)
    world.reactor.turn()

    words = "somebody else removes its jail, which kills what runs in it"
    told = [each for each in world.events if words in each or " exit " in each]
    assert [each.split()[1] for each in told] == ["notice", "exit"]


def test_the_next_keeper_takes_it_in(world):
    """From then on it is a jail like any other: nothing is to be explained, and the keeper tells how it ends."""
    program = world.run()
    world.kill_keeper()
    world.take_in()
    facts = world.controller.facts("web")
    assert (facts.phase, facts.pid, facts.reason) == ("running", program.pid, "")

    program.output(b"read once\n")
    world.reactor.turn()
    assert world.log() == "stdout F read once"
    world.eyes.see(program.pid, 4)
    world.reactor.turn()
    assert world.controller.facts("web").phase == "running"
    world.keeper.end("web", 4)
    world.reactor.turn()
    assert f"web exit pid={program.pid} exit=4 by=program" in world.events
    assert world.controller.facts("web").phase == "idle"


def test_it_lives_through_the_loss_of_keeper_after_keeper(world):
    """Each time the daemon watches, each time the next one takes it in."""
    program = world.run()
    for _ in range(3):
        world.kill_keeper()
        world.take_in()
    world.kill_keeper()
    world.end_orphan(status=6)
    world.reactor.turn()

    assert f"web exit pid={program.pid} exit=6 by=program" in world.events


def test_a_keeper_that_does_not_take_it_in_leaves_it_to_the_watch(world):
    """It runs, whatever the next keeper can find, and is not taken for vanished."""
    program = world.run()
    world.kill_keeper()
    world.take_nothing_in()
    facts = world.controller.facts("web")
    assert (facts.phase, facts.reason) == ("running", ALONE)
    assert "delete web force" not in world.keeper.asked

    world.end_orphan(status=1)
    world.reactor.turn()

    assert f"web exit pid={program.pid} exit=1 by=program" in world.events
    assert world.controller.facts("web").phase == "idle"


def test_it_can_be_started_again(world):
    """Once it has ended and the next keeper removed what was left."""
    first = world.run()
    world.kill_keeper()
    world.end_orphan()
    world.reactor.turn()
    assert error_of(world.controller.start("web", "uid:0")).code == "BUSY"
    world.take_nothing_in()
    world.reactor.turn()

    facts = value(world.controller.start("web", "uid:0"))

    assert (facts.phase, facts.pid) == ("running", world.keeper.programs["web", ""].pid)
    assert facts.pid != first.pid


def test_a_stop_while_there_is_no_keeper_is_carried_out_by_the_next(world):
    """SIGTERM is sent once there is someone to send it."""
    program = world.run()
    world.kill_keeper()
    stopped = world.controller.stop("web", "uid:0")
    world.reactor.turn()
    assert not has_fired(stopped)
    assert program.signals == []

    world.take_in()
    world.reactor.turn()

    assert program.signals == [TERM]
    assert value(stopped).phase == "idle"


def test_a_stop_that_was_overdue_without_a_keeper_kills_with_the_next(world):
    """The time to stop went by while nobody could signal."""
    program = world.run()
    program.ignores.add(TERM)
    world.kill_keeper()
    stopped = world.controller.stop("web", "uid:0", timeout=3.0)
    world.reactor.turn(4.0)

    world.take_in()
    world.reactor.turn()

    assert program.signals == [KILL]
    assert value(stopped).phase == "idle"


def test_it_can_be_signalled_and_entered_through_the_next_keeper(world):
    """KILL and EXEC are the next keeper's work."""
    program = world.run()
    program.ignores.add(1)
    world.kill_keeper()
    world.take_in()

    value(world.controller.kill("web", 1, "uid:0"))
    session = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))

    assert program.signals == [1]
    assert world.keeper.asked[-1] == f"exec web {session.exec_id} /bin/ls"


def test_who_looks_on_at_an_exec_is_let_go(world):
    """The end of an exec process nobody will tell."""
    world.run()
    viewer = Viewer()
    value(world.controller.exec("web", Process(("/bin/ls",)), viewer, "uid:0", False))

    world.kill_keeper()

    assert viewer.ends == [None]


def test_a_terminal_is_handed_over_to_the_next_keeper(world):
    """Only the daemon has it now; with a keeper that holds it the jail outlives the daemon as before."""
    world.keeper.terminals.add("web")
    program = world.run()
    world.keeper.lost_terminals.add("web")
    world.kill_keeper()

    world.take_in()

    assert world.keeper.asked[-1] == f"hold web {program.pid}"
    (master,) = program.descriptors().values()
    assert os.path.samestat(world.keeper.held_terminals["web"], os.fstat(master))
    os.close(master)


def test_only_the_process_that_runs_is_watched(world):
    """From its start until its end, and a restarted one anew."""
    first = world.run()
    assert world.eyes.watched == {first.pid: 1}
    world.keeper.end("web")
    world.reactor.turn()
    assert world.eyes.watched == {}

    value(world.controller.start("web", "uid:0"))

    assert list(world.eyes.watched) == [world.keeper.programs["web", ""].pid]


def test_a_watch_that_the_kernel_refuses_is_none(world):
    """The jail runs all the same, and is unknown without its keeper."""
    world.site.vigil.stop()
    world.run()

    world.kill_keeper()

    assert world.controller.facts("web").phase == "unknown"


# --- both were killed, or the host was --------------------------------------------------


def test_the_next_daemon_adopts_what_the_next_keeper_took_in(world):
    """It runs as before; what must be told of it is told."""
    program = world.run()
    world.kill_keeper()
    world.make_daemon(connects=False)
    world.keeper.notices["web"] = ("its keeper was killed",)

    world.take_in()
    world.reactor.turn()

    facts = world.controller.facts("web")
    assert (facts.phase, facts.pid, facts.notices) == ("running", program.pid, ("its keeper was killed",))
    assert "web notice text=its keeper was killed by=keeper" in world.events
    assert world.eyes.watched == {program.pid: 1}


def test_what_ended_while_both_were_away_has_an_unknown_exit(world):
    """What is left of it is removed once, though the keeper tells of it as left over, too."""
    world.run()
    world.kill_keeper()
    world.make_daemon(connects=False)
    world.keeper.leftovers.append("web")

    world.take_nothing_in()
    world.reactor.turn()

    assert "web exit exit=unknown by=keeper" in world.events
    assert world.keeper.asked.count("delete web force") == 1
    assert world.controller.facts("web").phase == "idle"


def test_what_nobody_knows_is_told_and_removed(world):
    """A container that does not run and has no jail, or whose jail is down, is nobody's."""
    world.run("down")
    world.keeper.end("down")
    world.reactor.turn()
    world.make_daemon(connects=False)
    world.keeper.leftovers += ["stray", "down"]
    world.keeper.jails |= {"stray", "down"}

    world.connect()

    assert world.keeper.jails == set()
    told = [each for each in world.events if " notice " in each]
    assert [each.partition(" ")[0] for each in told] == ["stray", "down"]
    assert "something was left of an earlier run; it is removed" in told[0]


def test_what_cannot_be_removed_is_told_in_the_log(world):
    """It stays, and the daemon goes on."""
    world.make_daemon(connects=False)
    world.keeper.leftovers.append("stray")
    world.keeper.next_delete_error = InputOutput("it is mounted somewhere")

    world.connect()
    world.run()

    assert world.controller.facts("web").phase == "running"


def test_what_a_running_jail_has_is_not_left_over(world):
    """It may have ended this moment, which its own end deals with."""
    world.run()
    world.kill_keeper()
    world.keeper.leftovers.append("web")

    world.take_nothing_in()

    assert "delete web force" not in world.keeper.asked
