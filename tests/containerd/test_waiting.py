"""Who waits for the end of what never ran, or waits no longer and does not say so, is in nobody's way."""

from __future__ import annotations

import pytest
import pytest_twisted

from runjd.containerd.proto import task_pb2 as pb
from runjd.containerd.service import WAITS_MAX
from runjd.protocols.ttrpc.status import NOT_FOUND, RESOURCE_EXHAUSTED, code_of
from tests.containerd.test_trouble import refusal

pytestmark = pytest.mark.root


def waiting(bench, id: str, exec_id: str = ""):
    """Begin to wait; return a list that gets the answer, or the error."""
    answers: list[object] = []
    call = bench.call_of("Wait", pb.WaitRequest(id=id, exec_id=exec_id))
    bench.send(call).addBoth(lambda answer: answers.append(getattr(answer, "value", answer)))
    return answers


@pytest_twisted.ensureDeferred
async def test_who_waits_for_an_exec_hears_that_it_cannot_be_started(bench):
    """Clients wait before they start: one call more that is never answered for each failure would use up the room."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "/no/such/program")
    answers = waiting(bench, "one", "e")

    await refusal(bench, "Start", pb.StartRequest(id="one", exec_id="e"))

    assert ["/no/such/program" in str(each) for each in answers] == [True]


@pytest_twisted.ensureDeferred
async def test_who_waits_for_what_is_deleted_unstarted_hears_that_it_is_gone(bench):
    """An exec, by itself or with its task."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "true")
    await bench.add("one", "f", "true")
    first, second = waiting(bench, "one", "e"), waiting(bench, "one", "f")

    await bench.delete("one", "e")
    assert [code_of(each) for each in first] == [NOT_FOUND]
    assert second == []

    await bench.kill("one")
    await bench.wait("one")
    await bench.delete("one")
    assert [code_of(each) for each in second] == [NOT_FOUND]


@pytest_twisted.ensureDeferred
async def test_those_that_wait_leave_room_for_others(bench):
    """However many wait on a connection, the task can be killed and deleted by it, and then there is room again."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    calls = [waiting(bench, "one") for _ in range(WAITS_MAX)]

    assert (await refusal(bench, "Wait", pb.WaitRequest(id="one")))[0] == RESOURCE_EXHAUSTED
    await bench.kill("one")
    await bench.until(lambda: all(calls))

    assert await bench.wait("one") == 137
    await bench.delete("one")


@pytest_twisted.ensureDeferred
async def test_the_next_daemon_knows_the_end_of_a_task_that_was_deleted(bench):
    """Who waited for it, and was not answered, is answered."""
    await bench.create("one", "sh", "-c", "exit 3")
    await bench.start("one")
    await bench.wait("one")
    await bench.delete("one")
    await bench.restart()

    answer = await bench.call("Wait", pb.WaitRequest(id="one"), pb.WaitResponse, is_repeated=True)

    assert answer.exit_status == 3
