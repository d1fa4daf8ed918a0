"""What every controller does for those who look on, type, run programs and read logs."""

from collections.abc import Iterator

import pytest

from runjd.errors import BadArgument, Cancelled, NotFound, WrongState
from runjd.policy.facts import LogPosition, LogQuery
from runjd.spec.model import Process
from tests.contracts.controllers import Memory, Real, heard, run
from tests.supervise.world import TERM, Viewer, error_of, value


@pytest.fixture(params=[Real, Memory])
def bench(request, private_dir) -> Iterator:
    """Return one of the controllers, and how to be its programs."""
    bench = request.param(private_dir)
    yield bench
    bench.close()


def test_output_is_shown_to_all_who_look(bench):
    """Every viewer sees both streams from when it came."""
    run(bench)
    first, second = Viewer(), Viewer()
    bench.controller.attach("web", first, "uid:0")
    bench.output(b"1\n")
    bench.controller.attach("web", second, "uid:0")
    bench.output(b"2\n", "err")
    bench.exit(0)

    assert first.shown == {"out": b"1\n", "err": b"2\n"}
    assert second.shown == {"out": b"", "err": b"2\n"}
    assert [each.status for each in first.ends + second.ends] == [0, 0]


def test_input_reaches_the_program(bench):
    """What a viewer types is written to the program."""
    run(bench, stdin=True)
    session = bench.controller.attach("web", Viewer(), "uid:0")

    assert session.write(b"hello\n") is None

    assert bench.typed() == b"hello\n"


def test_a_paused_viewer_loses_output_and_is_told(bench):
    """Nothing is kept for a viewer of an attach, and the jail goes on."""
    run(bench)
    viewer = Viewer()
    session = bench.controller.attach("web", viewer, "uid:0")
    session.pauseProducing()
    bench.output(b"12345\n")
    session.resumeProducing()
    bench.output(b"6\n")

    assert viewer.shown["out"] == b"6\n"
    assert viewer.lost == 6


def test_a_viewer_that_needs_everything_makes_the_program_wait(bench):
    """A lossless viewer gets all of it, later."""
    run(bench)
    viewer = Viewer()
    session = bench.controller.attach("web", viewer, "uid:0", lossless=True)
    session.pauseProducing()
    bench.output(b"1\n")
    assert viewer.shown["out"] == b""

    session.resumeProducing()
    bench.turn()

    assert (viewer.shown["out"], viewer.lost) == (b"1\n", 0)


def test_a_detached_viewer_hears_no_more(bench):
    """Not even the end."""
    run(bench)
    viewer = Viewer()
    session = bench.controller.attach("web", viewer, "uid:0")
    session.detach()
    session.detach()
    bench.output(b"1\n")
    bench.exit(0)

    assert viewer.shown["out"] == b""
    assert viewer.ends == []


def test_a_failing_viewer_harms_nobody(bench):
    """It is dropped; the others and the jail go on."""
    run(bench)

    class Failing(Viewer):
        def out(self, data: bytes) -> None:
            raise ValueError("a fault of the viewer")

    failing, viewer = Failing(), Viewer()
    bench.controller.attach("web", failing, "uid:0")
    bench.controller.attach("web", viewer, "uid:0")
    bench.output(b"1\n")
    bench.output(b"2\n")
    bench.exit(0)

    assert viewer.shown["out"] == b"1\n2\n"
    assert failing.ends == []
    assert bench.controller.facts("web").phase == "idle"


def test_a_jail_that_is_down_cannot_be_looked_at(bench):
    """Attach, exec and kill need a program."""
    run(bench)
    bench.exit(0)

    with pytest.raises(WrongState):
        bench.controller.attach("web", Viewer(), "uid:0")
    assert isinstance(error_of(bench.controller.kill("web", TERM, "uid:0")), WrongState)
    asked = bench.controller.exec("web", Process(("/bin/true",)), Viewer(), "uid:0", False)
    assert isinstance(error_of(asked), WrongState)


def test_an_exec_has_a_viewer_of_its_own(bench):
    """Its output is not the jail's, and its end is told."""
    run(bench)
    jail, viewer = Viewer(), Viewer()
    bench.controller.attach("web", jail, "uid:0")

    session = value(bench.controller.exec("web", Process(("/bin/ls",)), viewer, "uid:0", True))
    bench.output(b"file\n", exec_id=session.exec_id)
    session.write(b"typed\n")
    typed = bench.typed(session.exec_id)
    bench.exit(4, exec_id=session.exec_id)

    assert viewer.shown["out"].startswith(b"file\n")
    assert typed == b"typed\n"
    assert jail.shown["out"] == b""
    assert [each.status for each in viewer.ends] == [4]
    assert heard(bench)[-2:] == [
        f"web exec exec={session.exec_id} by=uid:0",
        f"web exit exec={session.exec_id} exit=4",
    ]


def test_a_paused_exec_waits(bench):
    """An exec loses nothing, however slow its viewer is."""
    run(bench)
    viewer = Viewer()
    session = value(bench.controller.exec("web", Process(("/bin/ls",)), viewer, "uid:0", False))
    session.pauseProducing()
    bench.output(b"1\n", exec_id=session.exec_id)
    assert viewer.shown["out"] == b""

    session.resumeProducing()
    bench.turn()

    assert viewer.shown["out"] == b"1\n"
    bench.exit(0, exec_id=session.exec_id)


def test_an_exec_on_a_terminal_is_hung_up_when_its_viewer_leaves(bench):
    """A shell that nobody looks at any more ends."""
    run(bench)
    session = value(bench.controller.exec("web", Process(("/bin/sh",), terminal=True), Viewer(), "uid:0", True))

    session.detach()
    bench.turn()

    assert heard(bench)[-1] == f"web exit exec={session.exec_id} signal=1"


def test_an_exec_can_be_signalled(bench):
    """By its id, which is unknown once it ended."""
    run(bench)
    session = value(bench.controller.exec("web", Process(("/bin/sleep",)), Viewer(), "uid:0", False))

    value(bench.controller.kill("web", TERM, "uid:0", exec_id=session.exec_id))
    bench.turn()

    assert heard(bench)[-1] == f"web exit exec={session.exec_id} signal={TERM}"
    asked = bench.controller.kill("web", TERM, "uid:0", exec_id=session.exec_id)
    assert isinstance(error_of(asked), NotFound)


def test_only_terminals_are_resized(bench):
    """A jail without a terminal has no size."""
    run(bench)

    with pytest.raises(WrongState):
        bench.controller.resize("web", "", 24, 80)
    with pytest.raises(NotFound):
        bench.controller.resize("web", "x9", 24, 80)


def test_the_log_has_all_lines(bench):
    """Lines come with their stream, an unfinished one as partial, and pages follow each other."""
    run(bench)
    bench.output(b"1\n2\n")
    bench.output(b"3\n", "err")
    bench.output(b"4")
    bench.exit(0)
    log = value(bench.controller.log("web").open(LogQuery()))

    page = value(log.read(100_000))
    assert [(line.stream, line.partial, line.text) for line in page.lines] == [
        ("out", False, b"1"),
        ("out", False, b"2"),
        ("err", False, b"3"),
        ("out", True, b"4"),
    ]
    assert value(log.read(100_000)).is_end
    log.close()
    assert texts(bench, position=page.next) == []
    assert texts(bench, lines=2) == [b"3", b"4"]
    assert texts(bench, lines=0) == []
    assert texts(bench, stream="err") == [b"3"]
    assert texts(bench, stream="out", lines=1) == [b"4"]
    assert texts(bench, since="2020-01-01T00:00:00.000000000Z") == [b"1", b"2", b"3", b"4"]
    assert texts(bench, since="9999-01-01T00:00:00.000000000Z") == []
    assert texts(bench, until="9999-01-01T00:00:00.000000000Z", lines=3) == [b"2", b"3", b"4"]
    too_far = LogQuery(position=LogPosition(1, 9999))
    assert isinstance(error_of(bench.controller.log("web").open(too_far)), BadArgument)


def texts(bench, **query) -> list[bytes]:
    """Return the lines of the log that are meant."""
    reader = value(bench.controller.log("web").open(LogQuery(**query)))
    page = value(reader.read(100_000))
    reader.close()
    return [line.text for line in page.lines]


def test_a_follower_is_woken_by_the_next_line(bench):
    """Waiting at the end of the log fires with growth, and can be cancelled."""
    run(bench)
    bench.output(b"1\n")
    log = value(bench.controller.log("web").open(LogQuery(), follow=True))
    while not value(log.read(100_000)).is_end:
        pass
    given_up = log.when_grown()
    given_up.cancel()
    assert isinstance(error_of(given_up), Cancelled)
    grown = log.when_grown()
    assert not grown.called

    bench.output(b"2\n")

    value(grown)
    assert [line.text for line in value(log.read(100_000)).lines] == [b"2"]
    log.close()


def test_what_was_read_of_the_program_can_be_read_back(bench):
    """Once the log is settled, an unfinished line is there too."""
    run(bench)
    bench.output(b"1\nunfinished")

    value(bench.controller.log("web").settle())

    assert texts(bench)[:1] == [b"1"]


def test_a_shutdown_has_two_modes(bench):
    """Anything else is refused."""
    assert isinstance(error_of(bench.controller.shutdown("nonsense", "uid:0")), BadArgument)


def test_a_shutdown_that_stops_leaves_no_jail_running(bench):
    """All jails are down when it fires."""
    run(bench)

    done = bench.controller.shutdown("stop", "uid:0")
    bench.turn()

    value(done)
    assert [facts.phase for facts in bench.controller.jails()] == ["idle"]
