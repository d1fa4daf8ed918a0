"""What every controller does with several sessions on one process: who types, who is listed, who is closed."""

from collections.abc import Iterator

import pytest

from runjd.errors import NoSuchJail, NotFound, WrongState
from runjd.spec.model import Process
from tests.contracts.controllers import Memory, Real, run
from tests.supervise.world import TERM, Viewer, error_of, value


@pytest.fixture(params=[Real, Memory])
def bench(request, private_dir) -> Iterator:
    """Return one of the controllers, and how to be its programs."""
    bench = request.param(private_dir)
    yield bench
    bench.close()


def attach(bench, viewer=None, by="uid:1", **how):
    """Attach to the jail web."""
    return bench.controller.attach("web", viewer or Viewer(), by, **how)


def test_one_types_and_the_others_look_on(bench):
    """The second session is told who types, and what it sends is dropped."""
    run(bench, stdin=True)
    first, second = attach(bench), attach(bench, by="uid:2")

    second.write(b"no\n")
    first.write(b"yes\n")

    assert (first.types, first.typist) == (True, "")
    assert (second.types, second.typist) == (False, "uid:1")
    assert bench.typed() == b"yes\n"


def test_the_place_of_a_typist_who_left_is_taken_by_the_next_who_types(bench):
    """He is told; who only looks on never gets it."""
    run(bench, stdin=True)
    first, viewer = attach(bench), Viewer()
    onlooker, second = attach(bench, input="no"), attach(bench, viewer, by="uid:2")
    first.detach()

    onlooker.write(b"no\n")
    second.write(b"yes\n")

    assert bench.typed() == b"yes\n"
    assert viewer.turns == [(True, "uid:2")]


def test_stealing_leaves_one_typist(bench):
    """All who typed are told by whom their place was taken."""
    run(bench, stdin=True)
    robbed, sharing = Viewer(), Viewer()
    first, second = attach(bench, robbed), attach(bench, sharing, input="share")

    third = attach(bench, by="uid:3", input="steal")
    for session in (first, second):
        session.write(b"no\n")
    third.write(b"yes\n")

    assert bench.typed() == b"yes\n"
    assert robbed.turns == sharing.turns == [(False, "uid:3")]


def test_sharing_lets_both_type(bench):
    """Nobody's input is dropped."""
    run(bench, stdin=True)
    first, second = attach(bench), attach(bench, input="share")

    first.write(b"1\n")
    typed = bench.typed()
    second.write(b"2\n")

    assert (first.types, second.types) == (True, True)
    assert (typed + bench.typed()).endswith(b"2\n")


def test_who_must_type_and_cannot_is_refused(bench):
    """The error names the session in the way; nothing of the refused one is left."""
    run(bench, stdin=True)
    first = attach(bench)

    with pytest.raises(WrongState) as refused:
        attach(bench, input="yes")

    assert refused.value.details["session"] == str(first.number)
    assert len(bench.controller.sessions()) == 1


def test_a_jail_without_input_is_only_looked_at(bench):
    """Typing into it is refused where it was asked for, else the session says that it does not type."""
    run(bench)

    assert not attach(bench).types
    for how in ("yes", "share", "steal"):
        with pytest.raises(WrongState):
            attach(bench, input=how)


def test_the_sessions_are_listed(bench):
    """Of one jail or of all, with what was lost; one that is over is not there."""
    run(bench, stdin=True)
    first = attach(bench)
    second = attach(bench, by="uid:2")
    executed = value(bench.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:3", False))
    second.pauseProducing()
    bench.output(b"12345\n")

    found = bench.controller.sessions("web")

    assert [(each.number, each.kind, each.by, each.types) for each in found] == [
        (first.number, "attach", "uid:1", True),
        (second.number, "attach", "uid:2", False),
        (executed.number, "exec", "uid:3", False),
    ]
    assert [(each.is_paused, each.lost) for each in found] == [(False, 0), (True, 6), (False, 0)]
    assert found[2].exec_id == executed.exec_id
    first.detach()
    assert [each.number for each in bench.controller.sessions()] == [second.number, executed.number]
    bench.exit(0, exec_id=executed.exec_id)
    bench.exit(0)
    assert bench.controller.sessions() == []
    with pytest.raises(NoSuchJail):
        bench.controller.sessions("nothing")


def test_a_session_is_closed_by_its_number(bench):
    """Its viewer is told who did it, and hears no more; the jail goes on."""
    run(bench, stdin=True)
    viewer = Viewer()
    session = attach(bench, viewer)

    closed = bench.controller.close_session(session.number, "uid:0")
    bench.output(b"1\n")
    bench.exit(0)

    assert (closed.number, closed.jail) == (session.number, "web")
    assert viewer.dismissals == ["uid:0"]
    assert (viewer.shown["out"], viewer.ends) == (b"", [])
    with pytest.raises(NotFound):
        bench.controller.close_session(session.number, "uid:0")


def test_an_exec_process_can_be_attached_to(bench):
    """One that was left alone shows its output to who comes later, who may type."""
    run(bench)
    session = value(bench.controller.exec("web", Process(("/bin/cat",)), Viewer(), "uid:1", True, detached=True))
    session.detach()
    viewer = Viewer()

    later = attach(bench, viewer, exec_id=session.exec_id)
    bench.output(b"still here\n", exec_id=session.exec_id)
    bench.exit(5, exec_id=session.exec_id)

    assert later.exec_id == session.exec_id
    assert later.types
    assert viewer.shown["out"] == b"still here\n"
    assert [each.status for each in viewer.ends] == [5]
    with pytest.raises(NotFound):
        attach(bench, exec_id=session.exec_id)


def test_a_detached_exec_on_a_terminal_is_not_hung_up(bench):
    """Nobody has to look on for it to live."""
    run(bench)
    process = Process(("/bin/sh",), terminal=True)
    session = value(bench.controller.exec("web", process, Viewer(), "uid:1", True, detached=True))

    session.detach()
    bench.turn()

    waiting = bench.controller.wait_exec("web", session.exec_id)
    assert not waiting.called
    value(bench.controller.kill("web", TERM, "uid:0", exec_id=session.exec_id))
    bench.turn()
    assert value(waiting).signal == TERM


def test_the_end_of_an_exec_is_told_later_too(bench):
    """Whoever asks before or after it ended gets the same answer; who gives up is forgotten."""
    run(bench)
    session = value(bench.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))
    before, given_up = (bench.controller.wait_exec("web", session.exec_id) for _ in range(2))
    given_up.cancel()
    error_of(given_up)

    bench.exit(7, exec_id=session.exec_id)

    assert value(before).status == 7
    assert value(bench.controller.wait_exec("web", session.exec_id)).status == 7
    assert isinstance(error_of(bench.controller.wait_exec("web", "x99")), NotFound)
