"""The life of one jail, on a keeper without processes."""

import os

import pytest

from runjd.container.launch import killed_before
from runjd.errors import LimitReached, NoSuchJail, RuntimeFailure, WrongState
from runjd.policy.facts import Definition
from runjd.spec.model import Process
from runjd.supervise.site import FLUSH_LIMIT
from tests.supervise.world import KILL, NOW, TERM, Viewer, error_of, has_fired, value


def test_the_order_at_an_exit(world):
    """Output, log, event, removal from the host, acknowledgement, phase, and then whoever waited."""
    program = world.run()
    order: list[str] = []
    world.site.events.subscribe(lambda event: order.append(f"{event.ev}: log={world.log()}"))
    world.controller.wait("web", "stopped").addCallback(lambda facts: order.append("waiter"))
    program.output(b"last words\n")
    asked = len(world.keeper.asked)

    world.keeper.end("web", 1)
    world.reactor.turn()

    assert order == ["exit: log=stdout F last words", "state: log=stdout F last words", "waiter"]
    assert world.keeper.asked[asked:] == ["delete web", f"ack web {program.pid}"]


def test_the_exit_has_the_time_of_the_reap(world):
    """The event happened when the keeper saw it, not when it was told."""
    world.run()
    world.now = NOW + 50

    world.keeper.end("web", 0, at=NOW + 7)

    _, events = world.site.events.since(0)
    assert [event.at for event in events if event.ev == "exit"] == [NOW + 7]


def test_grandchildren_delay_the_end_but_not_the_news(world):
    """The exit is told at once; who still holds the output gets a second, and the log stays open for him."""
    program = world.run()
    world.keeper.end("web", 0, leaves_grandchildren=True)
    world.reactor.turn()
    assert world.events[-1] == f"web exit pid={program.pid} exit=0 by=program"
    assert world.controller.facts("web").phase == "stopping"
    assert "delete web" not in world.keeper.asked

    program.output(b"late\n")
    world.reactor.turn(0.5)
    assert world.log() == "stdout F late"
    world.reactor.turn(0.6)

    assert world.controller.facts("web").phase == "idle"
    assert "delete web" in world.keeper.asked


def test_an_unfinished_line_is_logged_soon(world):
    """A prompt stands in the log after 50 ms, as a partial line, and its rest is not lost."""
    program = world.run()
    program.output(b"login: ")
    world.reactor.turn()
    assert world.log() == ""

    world.reactor.turn(0.06)
    assert world.log() == "stdout P login: "

    program.output(b"root\n")
    world.reactor.turn()
    assert world.log() == "stdout P login:  | stdout F root"


def test_a_line_that_grows_slowly_is_logged_soon_too(world):
    """Dots that come one by one do not put the log off for ever."""
    program = world.run()
    for _ in range(10):
        program.output(b".")
        world.reactor.turn(0.02)

    assert "stdout P ..." in world.log()


def test_a_stream_is_not_read_before_its_log_is_written(world):
    """A disk that hangs stops the stream that logs there; what was read is at most one piece."""
    program = world.run()
    other = world.run("other")
    world.writer.is_held = True
    viewer = Viewer()
    world.controller.attach("web", viewer, "uid:0")
    program.output(b"1\n")
    world.reactor.turn()
    program.output(b"2\n")
    other.output(b"x")
    world.reactor.turn()
    assert viewer.shown["out"] == b"1\n"

    world.writer.release()
    world.reactor.turn()

    assert viewer.shown["out"] == b"1\n2\n"
    assert world.log() == "stdout F 1 | stdout F 2"


def test_a_full_disk_delays_the_news_of_an_exit_only_so_long(world):
    """The exit is told, the jail comes down, and what was read is written when there is room."""
    program = world.run()
    world.writer.is_held = True
    program.output(b"1\n")
    world.reactor.turn()
    program.output(b"2\n")

    world.keeper.end("web", 3)
    world.reactor.turn()
    assert not world.controller.facts("web").last_exit
    world.reactor.turn(FLUSH_LIMIT)
    world.reactor.turn(FLUSH_LIMIT)

    assert world.controller.facts("web").phase == "idle"
    assert world.controller.facts("web").last_exit.status == 3
    world.writer.release()
    assert world.log() == "stdout F 1 | stdout F 2"


def test_trouble_with_the_log_is_shown(world):
    """The facts and an event say that the log cannot be written."""
    world.run()
    path = f"{world.directory}/logs/web.log"

    world.controller.log_trouble(path, OSError(28, "No space left on device"))
    assert world.controller.facts("web").reason == "the log cannot be written: No space left on device"
    world.controller.log_trouble(path, None)

    assert world.controller.facts("web").reason == ""
    assert [each.split()[2] for each in world.events if " log " in each] == ["state=waiting", "state=writing"]


def test_the_operator_is_told_what_the_runtime_says(world):
    """A notice of the runtime, as that nothing is isolated, is an event of every start."""
    world.run()

    assert "web notice text=no isolation by=uid:0" in world.events


def test_a_stop_may_be_hurried(world):
    """A second stop shortens the time of the first, and sends no second SIGTERM."""
    program = world.run()
    program.ignores.add(TERM)
    first = world.controller.stop("web", "uid:0", 100.0)
    second = world.controller.stop("web", "uid:0", 1.0)
    third = world.controller.stop("web", "uid:0", 50.0)

    world.reactor.turn(1.1)

    assert [value(each).phase for each in (first, second, third)] == ["idle"] * 3
    assert program.signals == [TERM, KILL]


def test_a_stop_without_time_kills(world):
    """Zero seconds mean SIGKILL."""
    program = world.run()

    world.controller.stop("web", "uid:0", 0.0)

    assert program.signals == [KILL]


def test_a_start_while_it_stops_comes_behind_it(world):
    """The jail is stopped as was asked, and then started again."""
    program = world.run()
    program.ignores.add(TERM)
    stopped = world.controller.stop("web", "uid:0")
    started = world.controller.start("web", "uid:0")
    assert not has_fired(started)

    world.keeper.end("web", 0)
    world.reactor.turn()

    assert value(stopped).last_exit.status == 0
    assert value(started).pid != program.pid
    assert world.controller.facts("web").want == "up"


def test_a_stop_takes_back_a_start_that_waits(world):
    """Whoever waited for the start is told."""
    program = world.run()
    program.ignores.add(TERM)
    world.controller.stop("web", "uid:0")
    started = world.controller.start("web", "uid:0")

    world.controller.stop("web", "uid:0")
    world.keeper.end("web", 0)
    world.reactor.turn()

    assert error_of(started).code == "GONE"
    assert world.controller.facts("web").phase == "idle"


def test_what_cannot_be_removed_from_the_host_is_failed(world):
    """The reason is shown; a new start removes the rest first."""
    world.run()
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "Device or resource busy")
    world.keeper.end("web", 0)
    world.reactor.turn()
    facts = world.controller.facts("web")
    assert (facts.phase, facts.reason) == ("failed", "unmount /proc: Device or resource busy")
    asked = len(world.keeper.asked)

    value(world.controller.start("web", "uid:0"))

    assert [each.split()[0] for each in world.keeper.asked[asked:]] == ["delete", "run"]
    assert world.keeper.asked[asked] == "delete web force"


def test_what_cannot_be_removed_from_the_host_is_not_forgotten(world):
    """A deletion that leaves something behind fails, and can be tried again."""
    world.run()
    world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "Device or resource busy")

    deleted = world.controller.delete("web", "uid:0", force=True)
    world.reactor.turn()
    assert "busy" in str(error_of(deleted))
    assert world.controller.facts("web").phase == "failed"

    value(world.controller.delete("web", "uid:0"))
    assert world.controller.jails() == []


def test_a_jail_whose_program_ended_is_deleted_without_force(world):
    """Who saw the end need not wait for its removal from the host: the deletion comes behind it."""
    world.run()
    world.keeper.end("web", 0, leaves_grandchildren=True)
    world.reactor.turn()
    assert world.controller.facts("web").phase == "stopping"

    deleted = world.controller.delete("web", "uid:0")
    assert not has_fired(deleted)
    world.reactor.turn(1.1)

    value(deleted)
    assert world.controller.jails() == []


def test_a_jail_that_is_forgotten_at_its_end_can_be_run_again_at_once(world):
    """Who saw the end need not wait for its removal from the host: the next run comes behind it."""
    program = world.run(remove=True)
    world.keeper.end("web", 0, leaves_grandchildren=True)
    world.reactor.turn()

    again = world.controller.run(Definition("web", "/b", "", remove=True), "uid:0")
    assert not has_fired(again)
    world.reactor.turn(1.1)

    assert value(again).pid != program.pid


def test_a_jail_that_shall_run_again_is_not_deleted_without_force(world):
    """Somebody asked for its start while it stops."""
    world.run()
    world.keeper.end("web", 0, leaves_grandchildren=True)
    world.reactor.turn()
    started = world.controller.start("web", "uid:0")

    assert isinstance(error_of(world.controller.delete("web", "uid:0")), WrongState)
    world.reactor.turn(1.1)

    assert value(started).phase == "running"


def test_a_jail_that_was_deleted_already_is_down(world):
    """That the keeper knows it no more is what was wanted."""
    world.run()
    world.keeper.jails.clear()

    world.keeper.end("web", 0)
    world.reactor.turn()

    assert world.controller.facts("web").phase == "idle"


def test_nothing_is_started_that_cannot_be_written_down(world):
    """Without a definition on disk the next daemon would not know of the jail."""
    os.rmdir(f"{world.directory}/jails")

    error = error_of(world.controller.run(Definition("web", "/b", ""), "uid:0"))

    assert error.code == "IO"
    assert world.keeper.asked == []
    assert world.controller.jails() == []


def test_a_bundle_has_an_absolute_path(world):
    """The daemon's own directory is nobody's business."""
    error = error_of(world.controller.run(Definition("web", "bundle", ""), "uid:0"))

    assert error.code == "BAD_ARG"


def test_input_is_ended_at_the_keeper(world):
    """The end of input closes the keeper's end, too."""
    program = world.run(stdin=True)
    session = world.controller.attach("web", Viewer(), "uid:0")
    session.write(b"last")
    session.close_stdin()

    assert program.typed() == b"last"
    assert program.typed() is None


def test_viewers_that_leave_give_the_input_back(world):
    """A jail that nobody types into costs no descriptor for it."""
    world.run(stdin=True)
    before = len(os.listdir("/proc/self/fd"))
    sessions = [world.controller.attach("web", Viewer(), "uid:0") for _ in range(2)]
    for session in sessions:
        session.write(b"x")
    assert len(os.listdir("/proc/self/fd")) == before + 1

    for session in sessions:
        session.detach()

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_terminal_is_resized(world):
    """Sizes that make no sense are refused."""
    world.run(size=(24, 80))

    with pytest.raises(Exception, match="rows and columns"):
        world.controller.resize("web", "", 0, 80)
    assert world.controller.facts("web").terminal


def test_the_output_of_an_exec_is_not_logged(world):
    """It belongs to whoever asked for it."""
    world.run()
    viewer = Viewer()
    session = value(world.controller.exec("web", Process(("/bin/ls",)), viewer, "uid:0", False))
    world.keeper.programs["web", session.exec_id].output(b"secret\n")
    world.reactor.turn()

    assert viewer.shown["out"] == b"secret\n"
    assert world.log() == ""


def test_an_exec_whose_viewer_left_can_still_end(world):
    """Its output is read and dropped, and its exit acknowledged."""
    world.run()
    session = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))
    program = world.keeper.programs["web", session.exec_id]
    session.pauseProducing()
    program.output(b"x" * 60_000)
    world.reactor.turn()

    session.detach()
    world.reactor.turn()
    program.output(b"x" * 60_000)
    world.keeper.end("web", 0, exec_id=session.exec_id)
    world.reactor.turn()

    assert world.keeper.asked[-1] == f"ack web {session.exec_id} {program.pid}"


def test_an_exec_that_fails_says_why(world):
    """The error of the keeper comes word for word."""
    world.run()
    world.keeper.next_error = WrongState("no such program: /bin/nonsense")

    asked = world.controller.exec("web", Process(("/bin/nonsense",)), Viewer(), "uid:0", False)

    assert str(error_of(asked)) == "no such program: /bin/nonsense"


_ON_THE_WAY = [killed_before("it was ready"), LimitReached("cannot allocate memory"), NoSuchJail("web")]


@pytest.mark.parametrize("error", _ON_THE_WAY, ids=lambda error: error.code)
@pytest.mark.parametrize("ends", ["never", "before", "behind"])
def test_an_exec_into_a_jail_that_is_ended_meanwhile_says_that(world, ends, error):
    """Not what happened to whoever was on his way in, though that is told first."""
    world.run()
    world.keeper.holds_starts = True
    world.keeper.next_error = error
    asked = world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False)
    if ends == "before":
        world.keeper.end("web", 0)
    world.keeper.answer()
    if ends == "behind":
        world.keeper.end("web", 0)
    world.reactor.advance(0.2)
    told = error_of(asked)

    assert told.code == (error.code if ends == "never" else "STATE")
    assert ('"web" ended, or was being ended, before the program ran in it' in str(told)) is (ends != "never")


def test_an_exec_that_nobody_waits_for_runs_alone(world):
    """With a terminal it is hung up as soon as it runs."""
    world.run()
    world.keeper.holds_starts = True
    asked = world.controller.exec("web", Process(("/bin/sh",), terminal=True), Viewer(), "uid:0", True)
    asked.cancel()
    assert error_of(asked).code == "CANCELLED"

    world.keeper.answer()
    world.reactor.turn()

    assert world.events[-1].endswith("signal=1")


def test_the_defaults_of_an_exec_are_the_jails(world):
    """User and environment are those of the bundle."""
    world.run()

    process = value(world.controller.exec_defaults("web"))

    assert (process.user.uid, process.env) == (7, ("PATH=/bin",))


def test_signals_reach_everyone_if_asked(world):
    """The keeper is told whom to signal."""
    world.run()

    value(world.controller.kill("web", 10, "uid:0", everyone=True))

    assert "signal web 10 everyone" in world.keeper.asked


def test_a_failing_subscriber_harms_no_jail(world):
    """It is dropped, and the jail goes on."""
    world.run()
    heard: list = []

    def fail(event):
        heard.append(event)
        raise ValueError("a fault of the subscriber")

    world.site.events.subscribe(fail)
    world.keeper.end("web", 0)
    world.reactor.turn()

    assert world.controller.facts("web").phase == "idle"
    assert len(heard) == 1


def test_an_exit_is_on_disk_before_it_is_acknowledged(world):
    """A daemon killed in between leaves it to the next one, who hears of it from the keeper or from the disk."""
    program = world.run()
    saved: list = []
    acknowledge = world.keeper.ack

    def ack(jail, exec_id, pid):
        saved.extend(world.site.definitions.load())
        acknowledge(jail, exec_id, pid)

    world.keeper.ack = ack
    world.keeper.end("web", 3)
    world.reactor.turn()

    assert [(known.is_expected, known.last_exit.status, known.last_exit.pid) for known in saved] == [
        (False, 3, program.pid)
    ]
