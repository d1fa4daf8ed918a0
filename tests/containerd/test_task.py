"""The life of a task, by the calls that containerd makes."""

from __future__ import annotations

import os

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from runjd.containerd.ends import End
from runjd.containerd.proto import metrics1_pb2
from runjd.containerd.proto import task_pb2 as pb
from runjd.errors import AlreadyExists, RunjdError
from runjd.policy.descriptors import OF_PROCESS
from tests.containerd.bench import read_all, readable, reader, write

pytestmark = pytest.mark.root


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


@pytest_twisted.ensureDeferred
async def test_of_two_creations_at_once_one_makes_the_task(bench):
    """The other is refused, also where both wait for a file to be read, and takes nothing away."""
    file = f"{bench.directory}/options.toml"
    with open(file, "w"):
        pass
    request = pb.CreateTaskRequest(id="one", bundle=bench.bundle("one", "sleep", "1000"))
    request.options.type_url = "runtimeoptions.v1.Options"
    request.options.value = pb.RuntimeOptions(config_path=file).SerializeToString()

    both = await DeferredList([bench.send(bench.call_of("Create", request)) for _ in range(2)], consumeErrors=True)

    [(_, failure)] = [each for each in both if not each[0]]
    assert isinstance(failure.value, AlreadyExists)
    assert await bench.status("one") == "CREATED"


@pytest_twisted.ensureDeferred
async def test_whoever_outlives_a_task_is_killed_and_its_namesake_is_not(bench):
    """However late a thread comes to it, as all of them may be busy."""
    late = []

    def keep(call, *words) -> Deferred:
        late.append((call, words))
        bench.in_thread = deferToThread
        return Deferred()

    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    bench.in_thread = keep
    await bench.kill("one")
    await bench.wait("one")
    await bench.delete("one")
    stdin = bench.fifo("stdin")
    request = pb.CreateTaskRequest(id="one", bundle=bench.bundle("again", "sh", "-c", "read x; exit 7"), stdin=stdin)
    await bench.call("Create", request)
    await bench.start("one")
    [(call, words)] = late

    await deferToThread(call, *words)

    write(stdin, b"go\n")
    assert await bench.wait("one") == 7


@pytest_twisted.ensureDeferred
async def test_what_was_written_outlives_its_writer(bench):
    """Nobody reads while the program runs; who comes before the task is deleted finds everything."""
    out = bench.fifo("out")
    await bench.create("one", "echo", "late", stdout=out)
    await bench.start("one")
    await bench.wait("one")

    end = reader(out)
    assert read_all(end) == b"late\n"
    os.close(end)


@pytest_twisted.ensureDeferred
async def test_a_reader_that_goes_away_ends_nothing(bench):
    """The program writes on, and the next reader gets it."""
    out, go = bench.fifo("out"), bench.fifo("go")
    first = reader(out)
    await bench.create("one", "sh", "-c", "echo one; read x; echo two", stdin=go, stdout=out)
    await bench.start("one")
    await bench.until(lambda: readable(first))
    assert read_all(first) == b"one\n"
    os.close(first)
    write(go, b"go\n")

    assert await bench.wait("one") == 0
    second = reader(out)
    assert read_all(second) == b"two\n"
    os.close(second)


@pytest_twisted.ensureDeferred
async def test_input_ends_when_that_is_said_and_not_when_a_writer_goes(bench):
    """Behind all that was written."""
    into, out = bench.fifo("in"), bench.fifo("out")
    end = reader(out)
    await bench.create("one", "cat", stdin=into, stdout=out)
    await bench.start("one")
    write(into, b"one\n")
    write(into, b"two\n")
    await bench.until(lambda: readable(end))
    assert await bench.status("one") == "RUNNING"

    write(into, b"three\n")
    await bench.call("CloseIO", pb.CloseIORequest(id="one", stdin=True))
    await bench.call("CloseIO", pb.CloseIORequest(id="one", stdin=True))

    assert await bench.wait("one") == 0
    assert read_all(end) == b"one\ntwo\nthree\n"
    os.close(end)


@pytest_twisted.ensureDeferred
async def test_a_terminal_is_copied_both_ways(bench):
    """It has a size, hears what is typed, and its last words arrive before it is deleted."""
    into, out = bench.fifo("in"), bench.fifo("out")
    end = reader(out)
    await bench.create("one", "sh", "-c", "read x; stty size; echo got $x", terminal=True, stdin=into, stdout=out)
    await bench.call("ResizePty", pb.ResizePtyRequest(id="one", width=100, height=30))
    await bench.start("one")
    write(into, b"hello\n")

    assert await bench.wait("one") == 0
    await bench.delete("one")
    assert read_all(end) == b"hello\r\n30 100\r\ngot hello\r\n"
    os.close(end)


@pytest_twisted.ensureDeferred
async def test_an_exec_has_a_life_of_its_own(bench):
    """Registered, started, waited for, deleted; its pid is told as that of an exec."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "sh", "-c", "trap 'exit 3' TERM; while true; do sleep 0.05; done")
    assert await bench.status("one", "e") == "CREATED"

    pid = await bench.start("one", "e")
    listed = await bench.call("Pids", pb.PidsRequest(id="one"), pb.PidsResponse)
    state = await bench.state("one", "e")
    waiting = bench.wait("one", "e")
    await deferLater(reactor, 0.3)
    await bench.kill("one", 15, "e")
    assert await waiting == 3
    deleted = await bench.delete("one", "e")

    assert (state.id, state.exec_id, state.pid) == ("e", "e", pid)
    details = {each.pid: each.info for each in listed.processes}
    assert details[pid].type_url == "containerd.runc.v1.ProcessDetails"
    assert pb.ProcessDetails.FromString(details[pid].value).exec_id == "e"
    assert (deleted.pid, deleted.exit_status) == (pid, 3)
    with pytest.raises(RunjdError, match="not found"):
        await bench.state("one", "e")
    *_, added, started, exited = await bench.heard("create", "start", "exec-added", "exec-started", "exit")
    assert (added.exec_id, started.exec_id, started.pid, exited.id, exited.exit_status) == ("e", "e", pid, "e", 3)


@pytest_twisted.ensureDeferred
async def test_the_end_of_init_is_told_last(bench):
    """Its execs die with it, and are told before."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    for name in ("a", "b"):
        await bench.add("one", name, "sleep", "1000")
        await bench.start("one", name)
    await bench.kill("one")

    assert [await bench.wait("one", each) for each in ("", "a", "b")] == [137, 137, 137]
    await bench.until(lambda: bench.containerd.topics.count("exit") == 3)
    exits = [event.id for topic, event in bench.containerd.heard if topic == "/tasks/exit"]
    assert sorted(exits[:2]) == ["a", "b"]
    assert exits[2] == "one"


@pytest_twisted.ensureDeferred
async def test_a_task_that_was_never_started_can_be_deleted(bench):
    """Its exit is told all the same."""
    pid = await bench.create("one", "sleep", "1000")

    deleted = await bench.delete("one")

    assert deleted.pid == pid
    assert deleted.exit_status == 137
    await bench.heard("create", "exit", "delete")
    with pytest.raises(RunjdError, match="container not created: one"):
        await bench.state("one")


@pytest_twisted.ensureDeferred
async def test_a_task_is_paused_resumed_and_limited(bench):
    """What is told of it follows; a limit reaches its control group."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")

    await bench.call("Pause", pb.PauseRequest(id="one"))
    assert await bench.status("one") == "PAUSED"
    await bench.call("Resume", pb.ResumeRequest(id="one"))
    assert await bench.status("one") == "RUNNING"
    resources = pb.UpdateTaskRequest(id="one")
    resources.resources.value = b'{"pids": {"limit": 77}}'
    await bench.call("Update", resources)

    stats = await bench.call("Stats", pb.StatsRequest(id="one"), pb.StatsResponse)
    assert stats.stats.type_url == "io.containerd.cgroups.v1.Metrics"
    metrics = metrics1_pb2.Metrics.FromString(stats.stats.value)
    assert (metrics.pids.current, metrics.pids.limit) == (1, 77)
    assert metrics.memory.usage.limit > 0
    await bench.heard("create", "start", "paused", "resumed")


@pytest_twisted.ensureDeferred
async def test_a_shim_is_asked_who_it_is(bench):
    """Connect tells of a task that is there, and is no error for another; Shutdown ends nothing."""
    pid = await bench.create("one", "sleep", "1000")

    known = await bench.call("Connect", pb.ConnectRequest(id="one"), pb.ConnectResponse)
    unknown = await bench.call("Connect", pb.ConnectRequest(id="other"), pb.ConnectResponse)
    await bench.call("Shutdown", pb.ShutdownRequest(id="one", now=True))

    assert (known.shim_pid, known.task_pid) == (os.getpid(), pid)
    assert (unknown.shim_pid, unknown.task_pid) == (os.getpid(), 0)
    assert await bench.status("one") == "CREATED"


@pytest_twisted.ensureDeferred
async def test_both_versions_of_the_service_are_one(bench):
    """Version 3 knows the task that version 2 made."""
    await bench.create("one", "sleep", "1000")

    state = await bench.call("State", pb.StateRequest(id="one"), pb.StateResponse, service="containerd.task.v3.Task")

    assert state.status == pb.CREATED


@pytest_twisted.ensureDeferred
async def test_a_root_is_mounted_and_unmounted(bench):
    """What containerd wants to be mounted there is, as long as the task is there."""
    bundle = bench.bundle("one", "sleep", "1000")
    os.rename(f"{bundle}/rootfs", f"{bundle}/image")
    for name in ("proc", "dev", "sys", "run", "tmp"):
        os.mkdir(f"{bundle}/image/{name}")
    request = pb.CreateTaskRequest(id="one", bundle=bundle)
    request.rootfs.add(type="bind", source=f"{bundle}/image", options=["rbind", "ro"])
    await bench.call("Create", request)
    assert os.listdir(f"{bundle}/rootfs") == os.listdir(f"{bundle}/image")
    assert os.statvfs(f"{bundle}/rootfs").f_flag & os.ST_RDONLY

    await bench.delete("one")

    assert os.listdir(f"{bundle}/rootfs") == []
    assert os.path.exists(f"{bundle}/deleted")


@pytest_twisted.ensureDeferred
async def test_cleaning_up_takes_everything_and_minds_nothing(bench):
    """A running task is killed and gone; what never was is no error."""
    await bench.create("one", "sleep", "1000")
    pid = await bench.start("one")

    cleaned = await bench.cleanup("one")
    again = await bench.cleanup("one")
    never = await bench.cleanup("never")

    assert (cleaned.pid, cleaned.exit_status) == (pid, 137)
    assert [again.exit_status, never.exit_status] == [137, 137]
    assert os.listdir(f"{bench.directory}/tasks") == []


@pytest_twisted.ensureDeferred
async def test_what_comes_late_brings_no_record_back(bench):
    """As the end of a process whose task was cleaned up before anybody had heard it."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    task = bench.side.tasks.find(bench.origin, "one")
    await bench.cleanup("one")

    bench.side.tasks.remember_deleted(task, "late", End(0, 1.0))
    bench.side.tasks.forget(task)

    assert os.listdir(f"{bench.directory}/tasks") == []


@pytest.mark.parametrize("kind", ["fifos", "terminal", "file"])
@pytest_twisted.ensureDeferred
async def test_a_task_takes_no_more_descriptors_than_its_share(bench, kind):
    """Its streams, and the watch of its memory, which has a control group of version 1 take two."""
    streams = {each: bench.fifo(each) for each in ("stdin", "stdout", "stderr")}
    if kind == "file":
        streams |= {"stdout": f"file://{bench.directory}/log", "stderr": ""}
    if kind == "terminal":
        streams["stderr"] = ""
    await bench.create("zero", "true")  # connections, and what watches for all, are open from now on
    await bench.told()
    before = len(os.listdir("/proc/self/fd"))
    await bench.create("one", "sh", "-c", "while :; do date; done", terminal=kind == "terminal", **streams)
    streams_alone = len(os.listdir("/proc/self/fd")) - before
    await bench.start("one")
    await deferLater(reactor, 0.3)

    assert streams_alone + 2 <= OF_PROCESS
    assert len(os.listdir("/proc/self/fd")) - before <= OF_PROCESS
