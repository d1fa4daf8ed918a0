"""Ends that were dealt with, and that the next keeper tells of all the same."""

import pytest

from runjd.spec.model import Process
from tests.supervise.world import Viewer, value


@pytest.mark.parametrize("remove", [True, False])
def test_an_end_that_was_dealt_with_is_not_told_again_by_the_next_keeper(world, remove):
    """The last one was killed before it forgot it; a jail that was deleted does not come back for that."""
    program = world.run(remove=remove)
    exec = value(world.controller.exec("web", Process(("/bin/ls",)), Viewer(), "uid:0", False))
    world.keeper.loses_acks = True
    world.keeper.end("web", 0, exec_id=exec.exec_id)
    world.reactor.turn()
    world.keeper.end("web", 3)
    world.reactor.turn()
    before = list(world.events)
    assert len([each for each in before if " exit " in each]) == 2

    world.lose_keeper()
    world.keeper.loses_acks = False
    world.keeper.asked.clear()
    world.connect()
    world.reactor.turn()

    assert [each for each in world.events if "web" in each] == before
    assert [each.id for each in world.controller.jails()] == ([] if remove else ["web"])
    assert set(world.keeper.asked) == {f"ack web {exec.exec_id} {exec.pid}", f"ack web {program.pid}"}
    assert world.keeper.programs == {}


def test_a_process_that_got_the_pid_of_one_that_was_dealt_with_is_another(world):
    """Pids come again; its keeper was killed before it could say that it started it, and the next one found it."""
    first = world.run()
    world.keeper.end("web", 3)
    world.reactor.turn()
    world.keeper.last_pid = first.pid - 1
    world.keeper.holds_starts = True
    world.controller.start("web", "uid:0").addErrback(lambda _: None)
    world.events.clear()

    world.lose_keeper()
    world.keeper.answer()
    assert world.keeper.programs["web", ""].pid == first.pid
    world.connect()
    world.reactor.turn()

    assert world.controller.facts("web").phase == "running"
    world.keeper.end("web", 5)
    world.reactor.turn()
    assert [each for each in world.events if " exit " in each] == [f"web exit pid={first.pid} exit=5 by=program"]
