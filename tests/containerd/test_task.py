"""The life of a task, by the calls that containerd makes."""

from __future__ import annotations

import os

import pytest
import pytest_twisted

from runjd.containerd.proto import task_pb2 as pb
from runjd.errors import AlreadyExists
from tests.containerd.bench import Bench, read_all, reader

pytestmark = pytest.mark.root


@pytest_twisted.async_yield_fixture
async def bench(private_dir):
    """Return tasks."""
    made = Bench(private_dir)
    await made.is_ready()
    yield made
    await made.close()


@pytest_twisted.ensureDeferred
async def test_a_task_is_created_started_waited_for_and_deleted(bench):
    """Its status is that of the moment, its exit status that of its program, and each step is an event."""
    pid = await bench.create("one", "sh", "-c", "exit 7")
    assert await bench.status("one") == "CREATED"

    assert await bench.start("one") == pid
    assert await bench.wait("one") == 7
    state = await bench.state("one")
    deleted = await bench.delete("one")

    assert (state.id, state.pid, pb.Status.Name(state.status), state.exit_status) == ("one", pid, "STOPPED", 7)
    assert (deleted.pid, deleted.exit_status) == (pid, 7)
    created, started, exited, gone = await bench.heard("create", "start", "exit", "delete")
    assert (created.container_id, created.pid, started.pid) == ("one", pid, pid)
    assert (exited.container_id, exited.id, exited.pid, exited.exit_status) == ("one", "one", pid, 7)
    assert (gone.container_id, gone.exit_status) == ("one", 7)
    assert bench.containerd.namespaces == {"ns"}


@pytest_twisted.ensureDeferred
async def test_output_goes_to_the_fifos_of_the_client(bench):
    """All of it, and then end of file."""
    out, err = bench.fifo("out"), bench.fifo("err")
    ends = reader(out), reader(err)
    await bench.create("one", "sh", "-c", "echo out; echo err >&2", stdout=out, stderr=err)
    await bench.start("one")
    await bench.wait("one")

    assert [read_all(each) for each in ends] == [b"out\n", b"err\n"]
    for each in ends:
        os.close(each)


@pytest_twisted.ensureDeferred
async def test_a_task_that_containerd_has_forgotten_is_in_nobodys_way(bench):
    """It cleaned up while there was no daemon, and makes another task of the id; one that lives is not replaced."""
    first = await bench.create("one", "sleep", "1000")
    await bench.start("one")
    again = pb.CreateTaskRequest(id="one", bundle=(await bench.state("one")).bundle)
    with pytest.raises(AlreadyExists):
        await bench.call("Create", again)
    await bench.kill("one")
    await bench.wait("one")
    second = (await bench.call("Create", again, pb.CreateTaskResponse)).pid

    assert second not in (0, first)
    assert await bench.start("one") == second
    assert await bench.status("one") == "RUNNING"
