"""Calls that make no sense, and clients and programs that do not do their part: an error, and nothing is stuck."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tty

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

from runjd.containerd.proto import metrics1_pb2
from runjd.containerd.proto import task_pb2 as pb
from runjd.errors import RunjdError
from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Exited
from runjd.protocols.ttrpc.status import (
    ALREADY_EXISTS,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    UNIMPLEMENTED,
    UNKNOWN,
    code_of,
)
from tests.containerd.bench import reader

pytestmark = pytest.mark.root


async def refusal(bench, method, request, **how) -> tuple[int, str]:
    """Return code and words of a call that must fail."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is returned
        await bench.call(method, request, **how)
    return code_of(caught.value), str(caught.value)


@pytest.mark.parametrize("method", ["Create", "Start", "State", "Kill", "Wait", "Exec", "Delete", "Pids"])
@pytest_twisted.ensureDeferred
async def test_a_message_that_cannot_be_read_is_refused(bench, method):
    """As an argument that is wrong, and not as a bug."""
    code, words = await refusal(bench, method, b"\x0a\xff\xff\xff")

    assert code == INVALID_ARGUMENT
    assert method in words


@pytest_twisted.ensureDeferred
async def test_what_there_is_not_is_not_implemented(bench):
    """Methods and services that nobody has, and checkpoints."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")

    assert (await refusal(bench, "Dance", b""))[0] == UNIMPLEMENTED
    assert (await refusal(bench, "State", b"", service="containerd.sandbox.v1.Sandbox"))[0] == UNIMPLEMENTED
    assert (await refusal(bench, "Checkpoint", pb.CheckpointTaskRequest(id="one")))[0] == UNIMPLEMENTED
    request = pb.CreateTaskRequest(id="two", bundle="/x", checkpoint="/c")
    assert (await refusal(bench, "Create", request))[0] == UNIMPLEMENTED


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("State", pb.StateRequest(id="none")),
        ("Start", pb.StartRequest(id="none")),
        ("Delete", pb.DeleteRequest(id="none")),
        ("Kill", pb.KillRequest(id="none", signal=9)),
        ("Wait", pb.WaitRequest(id="none")),
        ("Pids", pb.PidsRequest(id="none")),
        ("Stats", pb.StatsRequest(id="none")),
        ("Pause", pb.PauseRequest(id="none")),
        ("Exec", pb.ExecProcessRequest(id="none", exec_id="e")),
        ("CloseIO", pb.CloseIORequest(id="none", stdin=True)),
        ("ResizePty", pb.ResizePtyRequest(id="none", width=1, height=1)),
        ("Update", pb.UpdateTaskRequest(id="none")),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
@pytest_twisted.ensureDeferred
async def test_a_task_that_is_not_there_is_not_found(bench, method, request_):
    """By every method but Connect and Shutdown."""
    assert (await refusal(bench, method, request_))[0] == NOT_FOUND


@pytest_twisted.ensureDeferred
async def test_a_bundle_that_vanished_is_told(bench):
    """Nothing is left of the task."""
    bundle = bench.bundle("one", "true")
    shutil.rmtree(bundle)

    code, words = await refusal(bench, "Create", pb.CreateTaskRequest(id="one", bundle=bundle))

    assert code == UNKNOWN
    assert words.startswith("OCI runtime create failed: ")
    assert (await refusal(bench, "Delete", pb.DeleteRequest(id="one")))[0] == NOT_FOUND
    assert os.listdir(f"{bench.directory}/tasks") == []


@pytest_twisted.ensureDeferred
async def test_a_program_that_is_not_there_is_told(bench):
    """By its name, and nothing is left."""
    bundle = bench.bundle("one", "/no/such/program")

    code, words = await refusal(bench, "Create", pb.CreateTaskRequest(id="one", bundle=bundle))

    assert code == UNKNOWN
    assert '"/no/such/program"' in words
    assert (await refusal(bench, "State", pb.StateRequest(id="one")))[0] == NOT_FOUND


@pytest_twisted.ensureDeferred
async def test_who_is_told_that_a_start_failed_can_delete_the_task(bench):
    """At once: a hook fails when the program runs, and the end of that is told before."""
    bundle = bench.bundle("one", "sleep", "1000")
    with open(f"{bundle}/config.json") as file:
        config = json.load(file)
    config["hooks"] = {"poststart": [{"path": "/bin/false"}]}
    with open(f"{bundle}/config.json", "w") as file:
        json.dump(config, file)
    await bench.call("Create", pb.CreateTaskRequest(id="one", bundle=bundle))

    code, words = await refusal(bench, "Start", pb.StartRequest(id="one"))

    assert (code, "error running hook" in words) == (UNKNOWN, True)
    assert await bench.status("one") == "STOPPED"
    await bench.delete("one")


@pytest.mark.parametrize("uri", ["npipe:///x", "http://x/y", "binary://no-path", "fifo://[x/y", "file:///a%00"])
@pytest_twisted.ensureDeferred
async def test_streams_that_nobody_knows_are_refused(bench, uri):
    """Before anything is made."""
    bundle = bench.bundle("one", "true")

    code, words = await refusal(bench, "Create", pb.CreateTaskRequest(id="one", bundle=bundle, stdout=uri))

    assert code == UNKNOWN
    assert words.startswith("failed to create init process I/O: ")
    assert uri.partition(":")[0] in words or "path" in words


@pytest.mark.parametrize("kind", ["absent", "file", "device"])
@pytest_twisted.ensureDeferred
async def test_what_is_no_fifo_is_not_written_to(bench, kind):
    """A path that leads to nothing, to a file or to a device fails the creation."""
    path = {"absent": "/no/such/fifo", "file": f"{bench.directory}/file", "device": "/dev/null"}[kind]
    if kind == "file":
        open(path, "w").close()
    bundle = bench.bundle("one", "true")

    code, words = await refusal(bench, "Create", pb.CreateTaskRequest(id="one", bundle=bundle, stdout=path))

    assert code == UNKNOWN
    assert path in words


@pytest_twisted.ensureDeferred
async def test_nobody_waits_for_a_reader(bench):
    """A FIFO that nobody reads stops the program, and neither the daemon nor the deletion."""
    out = bench.fifo("out")
    await bench.create("one", "sh", "-c", "yes", stdout=out)
    await bench.start("one")
    await bench.create("two", "true")
    await bench.start("two")
    assert await bench.wait("two") == 0

    await bench.kill("one")
    assert await bench.wait("one") == 137
    await bench.delete("one")


@pytest_twisted.ensureDeferred
async def test_a_terminal_that_nobody_reads_can_be_deleted(bench):
    """After a while, though its output is nowhere."""
    out = bench.fifo("out")
    await bench.create("one", "sh", "-c", "yes", terminal=True, stdout=out)
    await bench.start("one")
    await deferLater(reactor, 0.3)
    await bench.kill("one")
    assert await bench.wait("one") == 137

    await bench.delete("one")


@pytest_twisted.ensureDeferred
async def test_the_order_of_things_is_kept(bench):
    """What runs is not deleted or started, what ended is not signalled, what was not started has no signals."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "true")

    assert (await refusal(bench, "Delete", pb.DeleteRequest(id="one")))[0] == FAILED_PRECONDITION
    assert (await refusal(bench, "Start", pb.StartRequest(id="one")))[0] == FAILED_PRECONDITION
    assert (await refusal(bench, "Kill", pb.KillRequest(id="one", exec_id="e", signal=9)))[0] == FAILED_PRECONDITION
    spec = pb.ExecProcessRequest(id="one", exec_id="e")
    spec.spec.value = b"{}"
    assert (await refusal(bench, "Exec", spec))[0] == ALREADY_EXISTS
    assert (await refusal(bench, "Create", pb.CreateTaskRequest(id="one", bundle="/x")))[0] == ALREADY_EXISTS
    await bench.kill("one")
    await bench.wait("one")
    code, words = await refusal(bench, "Kill", pb.KillRequest(id="one", signal=9))
    assert (code, words) == (NOT_FOUND, "process already finished: not found")
    assert (await refusal(bench, "Start", pb.StartRequest(id="one", exec_id="e")))[0] == FAILED_PRECONDITION


@pytest_twisted.ensureDeferred
async def test_what_does_not_fit_is_refused_in_the_words_of_runc(bench):
    """A second pause and a second resume, what a paused task does not do, and what one that ended does not."""
    await bench.create("one", "sleep", "1000")
    verbs = {
        "pause": ("Pause", pb.PauseRequest(id="one")),
        "resume": ("Resume", pb.ResumeRequest(id="one")),
        "update": ("Update", pb.UpdateTaskRequest(id="one", resources={"value": b"{}"})),
        "exec": ("Exec", pb.ExecProcessRequest(id="one", exec_id="e", spec={"value": b"{}"})),
        "checkpoint": ("Checkpoint", pb.CheckpointTaskRequest(id="one")),
    }

    async def refused(verb) -> str:
        code, words = await refusal(bench, *verbs[verb])
        assert code == UNKNOWN
        return words

    assert await refused("pause") == "cannot pause task in created state"
    await bench.start("one")
    assert await refused("resume") == "cannot resume a running process"
    await bench.call(*verbs["pause"])
    assert await refused("pause") == "cannot pause a paused container"
    assert await refused("exec") == "cannot exec in a paused state"
    await bench.call(*verbs["resume"])
    code, words = await refusal(bench, "Kill", pb.KillRequest(id="one", signal=99))
    assert (code, words.endswith("invalid argument: there is no signal 99")) == (UNKNOWN, True)
    await bench.kill("one")
    await bench.wait("one")
    for verb in verbs:
        assert "stopped" in await refused(verb)
    await bench.kill("one", everyone=True)
    stats = await bench.call("Stats", pb.StatsRequest(id="one"), pb.StatsResponse)
    assert metrics1_pb2.Metrics.FromString(stats.stats.value).cpu.usage.total > 0


@pytest.mark.parametrize("spec", [b"", b"[]", b"{", b'{"args": 7}', b"[" * 50_000])
@pytest_twisted.ensureDeferred
async def test_an_exec_that_makes_no_sense_is_refused(bench, spec):
    """When it is registered, or when it is started; it can be deleted, and the task goes on."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    request = pb.ExecProcessRequest(id="one", exec_id="e")
    request.spec.value = spec

    if spec == b'{"args": 7}':
        await bench.call("Exec", request)
        assert (await refusal(bench, "Start", pb.StartRequest(id="one", exec_id="e")))[0] == UNKNOWN
        await bench.delete("one", "e")
    else:
        assert (await refusal(bench, "Exec", request))[0] == INVALID_ARGUMENT
    assert await bench.status("one") == "RUNNING"


@pytest_twisted.ensureDeferred
async def test_who_no_longer_waits_is_forgotten(bench):
    """A Wait that is cancelled leaves the task, and other waiters, as they are."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    waiting = bench.send(bench.call_of("Wait", pb.WaitRequest(id="one")))
    waiting.addErrback(lambda failure: failure.trap(CancelledError, Exception))
    other = bench.send(bench.call_of("Wait", pb.WaitRequest(id="one")))
    waiting.cancel()
    await bench.kill("one")

    assert pb.WaitResponse.FromString(await other).exit_status == 137


@pytest_twisted.ensureDeferred
async def test_a_creation_that_nobody_waits_for_comes_to_its_end(bench):
    """The caller went away; the task is there, and can be cleaned up."""
    request = pb.CreateTaskRequest(id="one", bundle=bench.bundle("one", "sleep", "1000"))
    creating = bench.send(bench.call_of("Create", request))
    creating.addErrback(lambda failure: None)
    creating.cancel()

    await bench.until(lambda: any(task.init.pid for task in bench.side.tasks))
    assert await bench.status("one") == "CREATED"


@pytest_twisted.ensureDeferred
async def test_events_come_in_order_however_often_they_fail(bench):
    """containerd refuses the first ones; all come, each once."""
    bench.containerd.refuses = 2
    await bench.create("one", "true")
    await bench.start("one")
    await bench.wait("one")
    await bench.delete("one")

    await bench.heard("create", "start", "exit", "delete")


@pytest_twisted.ensureDeferred
async def test_two_that_delete_a_task_delete_it_once(bench):
    """The second one hears that it is gone."""
    await bench.create("one", "true")
    await bench.start("one")
    await bench.wait("one")
    request = pb.DeleteRequest(id="one")

    first = bench.send(bench.call_of("Delete", request))
    code, _ = await refusal(bench, "Delete", request)
    await first

    assert code == NOT_FOUND
    await bench.heard("create", "start", "exit", "delete")


@pytest_twisted.ensureDeferred
async def test_a_deletion_waits_for_the_ends_of_execs(bench):
    """Its init has ended, as a client sees; that is told behind the ends of its execs, and then the task is deleted."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "sleep", "1000")
    await bench.start("one", "e")
    task = next(iter(bench.side.tasks))
    # of both, that of init comes first
    bench.side.tasks.process_exited(Exited("ns+one", "", ExitRecord(task.init.pid, None, 9, 1.0), True))
    assert await bench.status("one") == "STOPPED"

    await bench.delete("one")

    heard = await bench.heard("create", "start", "exec-added", "exec-started", "exit", "exit", "delete")
    assert [each.id for each in heard[4:6]] == ["e", "one"]


@pytest.mark.parametrize("is_read", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_fifo_is_no_log(bench, is_read):
    """It would keep a thread until somebody reads."""
    path = bench.fifo("log")
    end = reader(path) if is_read else -1

    request = pb.CreateTaskRequest(id="one", bundle=bench.bundle("one", "true"), stdout=f"file://{path}")
    code, words = await refusal(bench, "Create", request)

    assert (code, path in words) == (UNKNOWN, True)
    if is_read:
        os.close(end)


@pytest_twisted.ensureDeferred
async def test_tasks_that_do_not_get_started_keep_no_other_waiting(bench):
    """Their inits are stopped by somebody; more of them than the daemon has threads."""
    size = reactor.getThreadPool().max
    ids = [f"t{number}" for number in range(size)]
    for id in ids:
        os.kill(await bench.create(id, "true"), signal.SIGSTOP)
    starts = [bench.send(bench.call_of("Start", pb.StartRequest(id=id))) for id in ids]

    await bench.create("one", "sh", "-c", "exit 7")
    await bench.start("one")
    assert await bench.wait("one") == 7
    await bench.delete("one")

    for id in ids:
        await bench.kill(id)
    for each in starts:
        with contextlib.suppress(RunjdError):
            await each


@pytest.mark.parametrize("method", ["Exec", "Update"])
@pytest_twisted.ensureDeferred
async def test_what_is_nested_too_deeply_is_refused(bench, method):
    """However deep: what can just be read could not be written down, or sent to the keeper."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    for depth in (250, 700, *range(900, 1000, 7), 50_000):
        value = b'{"args": ["true"], "cwd": "/", "x": ' + b"[" * depth + b"]" * depth + b"}"
        if method == "Exec":
            request = pb.ExecProcessRequest(id="one", exec_id=f"e{depth}")
            request.spec.value = value
        else:
            request = pb.UpdateTaskRequest(id="one")
            request.resources.value = value
        code, words = await refusal(bench, method, request)
        assert (code, "nested too deeply" in words) == (INVALID_ARGUMENT, True), (depth, words)


@pytest_twisted.ensureDeferred
async def test_a_cleanup_waits_for_who_is_at_work(bench):
    """containerd gave up on a creation, or a start: what that makes is taken away, too, and nothing is left."""
    bundle = bench.bundle("one", "sleep", "1000")
    request = pb.CreateTaskRequest(id="one", bundle=bundle, stdout=bench.fifo("out"))
    creating = bench.send(bench.call_of("Create", request))
    creating.addErrback(lambda failure: None)

    await bench.cleanup("one")

    await creating
    assert list(bench.side.tasks) == []
    assert os.listdir(bench.keeper.root) == []
    os.kill(await bench.create("two", "true"), signal.SIGSTOP)
    starting = bench.send(bench.call_of("Start", pb.StartRequest(id="two")))
    starting.addErrback(lambda failure: None)
    await bench.cleanup("two")
    await starting
    assert list(bench.side.tasks) == []
    assert os.listdir(bench.keeper.root) == []


@pytest_twisted.ensureDeferred
async def test_outputs_that_nobody_takes_delay_a_deletion_once(bench):
    """All together no longer than one of them, however many execs there are."""
    out = bench.fifo("out")
    await bench.create("one", "sh", "-c", "yes", terminal=True, stdout=out)
    await bench.start("one")
    for name in ("e", "f", "g"):
        await bench.add("one", name, "sh", "-c", "yes", terminal=True, stdout=out)
        await bench.start("one", name)
    await deferLater(reactor, 0.3)
    await bench.kill("one")
    assert await bench.wait("one") == 137
    begun = reactor.seconds()

    await bench.delete("one")

    assert reactor.seconds() - begun < 4.0


@pytest_twisted.ensureDeferred
async def test_an_exec_that_is_started_while_its_task_ends_is_told_before(bench):
    """Its start was under way when init ended: what becomes of it is known before the end of init is told."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "sleep", "1000")
    task = next(iter(bench.side.tasks))
    order: list[str] = []
    starting = bench.send(bench.call_of("Start", pb.StartRequest(id="one", exec_id="e")))
    starting.addCallbacks(lambda _: order.append("started"), lambda _: order.append("not started"))
    bench.side.tasks.process_exited(Exited("ns+one", "", ExitRecord(task.init.pid, None, 9, 1.0), True))
    assert await bench.wait("one") == 137

    await deferLater(reactor, 0)
    assert len(order) == 1
    await bench.delete("one")
    ends = [each.id for topic, each in bench.containerd.heard if topic == "/tasks/exit"]
    assert ends == (["e", "one"] if order == ["started"] else ["one"])


@pytest_twisted.ensureDeferred
async def test_what_goes_wrong_while_nobody_waits_is_logged(bench, captured):
    """The caller went away before the work failed."""
    shutil.rmtree(bundle := bench.bundle("one", "true"))
    creating = bench.send(bench.call_of("Create", pb.CreateTaskRequest(id="one", bundle=bundle)))
    creating.addErrback(lambda failure: None)
    creating.cancel()

    await bench.until(lambda: any("Create: OCI runtime create failed" in each for each in captured))


@pytest_twisted.ensureDeferred
async def test_files_that_do_not_take_what_is_written_keep_no_other_task(bench):
    """A terminal as the log, which nobody reads, of more tasks than the daemon has threads."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    tty.setraw(theirs)
    path = f"file://{os.ttyname(theirs)}"
    size = reactor.getThreadPool().max
    for number in range(size):
        await bench.create(f"t{number}", "sh", "-c", "yes", stdout=path)
    for number in range(size):
        await bench.start(f"t{number}")
    await deferLater(reactor, 0.5)
    log = f"{bench.directory}/log"

    await bench.create("one", "sh", "-c", "echo hello; exit 7", stdout=f"file://{log}")
    await bench.start("one")
    assert await bench.wait("one") == 7
    await bench.delete("one")

    with open(log) as file:
        assert file.read() == "hello\n"
    for number in range(size):
        await bench.kill(f"t{number}")
        await bench.wait(f"t{number}")
    os.close(theirs)
    os.close(ours)
    for number in range(size):
        await bench.delete(f"t{number}")
