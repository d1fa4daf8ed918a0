"""Another daemon takes over: what the last one was asked comes again, and what happened meanwhile is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from runjd.containerd.proto import task_pb2 as pb
from tests.containerd.bench import read_all, readable, reader, write

pytestmark = pytest.mark.root


@pytest_twisted.ensureDeferred
async def test_a_call_that_comes_again_is_carried_out_once(bench):
    """Create, Start, Exec and Delete: the answer is that of the first time."""
    bundle = bench.bundle("one", "sleep", "1000")
    create = pb.CreateTaskRequest(id="one", bundle=bundle)
    made = await bench.call("Create", create, pb.CreateTaskResponse, stream=101)
    await bench.told()
    await bench.restart()
    again = await bench.call("Create", create, pb.CreateTaskResponse, stream=101, is_repeated=True)
    assert again == made

    started = await bench.call("Start", pb.StartRequest(id="one"), pb.StartResponse, stream=103)
    await bench.told()
    await bench.restart()
    again = await bench.call("Start", pb.StartRequest(id="one"), pb.StartResponse, stream=103, is_repeated=True)
    assert again == started

    spec = pb.ExecProcessRequest(id="one", exec_id="e")
    spec.spec.value = b'{"args": ["true"], "cwd": "/", "env": ["PATH=/usr/bin:/bin"]}'
    await bench.call("Exec", spec, stream=105)
    await bench.told()
    await bench.restart()
    await bench.call("Exec", spec, stream=105, is_repeated=True)
    assert await bench.start("one", "e")
    await bench.wait("one", "e")
    delete = pb.DeleteRequest(id="one", exec_id="e")
    deleted = await bench.call("Delete", delete, pb.DeleteResponse, stream=107)
    await bench.told()
    await bench.restart()
    assert await bench.call("Delete", delete, pb.DeleteResponse, stream=107, is_repeated=True) == deleted

    await bench.kill("one")
    await bench.wait("one")
    delete = pb.DeleteRequest(id="one")
    deleted = await bench.call("Delete", delete, pb.DeleteResponse, stream=109)
    await bench.told()
    await bench.restart()
    assert await bench.call("Delete", delete, pb.DeleteResponse, stream=109, is_repeated=True) == deleted
    await bench.until(lambda: "delete" in bench.containerd.topics)
    topics = bench.containerd.topics
    assert [topics.count(each) for each in ("create", "exec-added", "exec-started", "delete")] == [1] * 4
    assert topics.count("start") == 1


@pytest.mark.parametrize("pause", [0.0, 0.005, 0.02, 0.2])
@pytest_twisted.ensureDeferred
async def test_what_was_under_way_comes_to_its_end(bench, pause):
    """A daemon that dies while it creates, or starts, is asked again: there is one process, and it runs."""
    request = pb.CreateTaskRequest(id="one", bundle=bench.bundle("one", "sleep", "1000"))
    for method, asked, answer in (
        ("Create", request, pb.CreateTaskResponse),
        ("Start", pb.StartRequest(id="one"), pb.StartResponse),
    ):
        stream = 101 if method == "Create" else 103
        bench.send(bench.call_of(method, asked, stream=stream)).addErrback(lambda failure: None)
        await deferLater(reactor, pause)
        await bench.restart()
        made = await bench.call(method, asked, answer, stream=stream, is_repeated=True)
        assert os.path.exists(f"/proc/{made.pid}")

    assert await bench.status("one") == "RUNNING"
    assert (await bench.state("one")).pid == made.pid
    await bench.add("one", "e", "sleep", "1000")
    start = pb.StartRequest(id="one", exec_id="e")
    bench.send(bench.call_of("Start", start, stream=105)).addErrback(lambda failure: None)
    await deferLater(reactor, pause)
    await bench.restart()
    made = await bench.call("Start", start, pb.StartResponse, stream=105, is_repeated=True)

    assert await bench.status("one", "e") == "RUNNING"
    assert (await bench.state("one", "e")).pid == made.pid
    listed = await bench.call("Pids", pb.PidsRequest(id="one"), pb.PidsResponse)
    assert len(listed.processes) == 2
    await bench.kill("one")
    assert await bench.wait("one") == 137
    assert await bench.wait("one", "e") == 137
    await bench.delete("one")


@pytest_twisted.ensureDeferred
async def test_who_waits_hears_the_true_end_of_the_next_daemon(bench):
    """The program ended while nobody was there."""
    go = bench.fifo("go")
    await bench.create("one", "sh", "-c", "read x; exit 23", stdin=go)
    await bench.start("one")
    wait = pb.WaitRequest(id="one")
    bench.send(bench.call_of("Wait", wait, stream=101)).addErrback(lambda failure: None)
    await bench.told()
    bench.end()
    write(go, b"go\n")
    bench.begin()
    await bench.is_ready()

    answer = await bench.call("Wait", wait, pb.WaitResponse, stream=101, is_repeated=True)

    assert answer.exit_status == 23
    assert await bench.status("one") == "STOPPED"
    await bench.heard("create", "start", "exit")


@pytest_twisted.ensureDeferred
async def test_all_that_is_known_of_a_task_is_known_to_the_next_daemon(bench):
    """Status, pid, streams, execs; and it can do what the last one could."""
    out = bench.fifo("out")
    end = reader(out)
    pid = await bench.create("one", "sleep", "1000", stdout=out)
    await bench.create("two", "sleep", "1000")
    await bench.start("one")
    await bench.call("Pause", pb.PauseRequest(id="one"))
    await bench.restart()

    state = await bench.state("one")
    assert (pb.Status.Name(state.status), state.pid, state.stdout) == ("PAUSED", pid, out)
    assert await bench.status("two") == "CREATED"
    await bench.call("Resume", pb.ResumeRequest(id="one"))
    await bench.add("one", "e", "echo", "hello", stdout=out)
    await bench.start("one", "e")
    assert await bench.wait("one", "e") == 0
    assert read_all(end) == b"hello\n"
    await bench.start("two")
    assert await bench.status("two") == "RUNNING"
    os.close(end)


@pytest_twisted.ensureDeferred
async def test_output_needs_no_daemon(bench):
    """It goes where it goes, while none is there."""
    out, go = bench.fifo("out"), bench.fifo("go")
    end = reader(out)
    await bench.create("one", "sh", "-c", "while read x; do echo got $x; done", stdin=go, stdout=out)
    await bench.start("one")
    bench.end()
    write(go, b"one\n")
    bench.keeper.wait(lambda: readable(end), "output")

    assert read_all(end) == b"got one\n"
    bench.begin()
    await bench.is_ready()
    await bench.call("CloseIO", pb.CloseIORequest(id="one", stdin=True))
    assert await bench.wait("one") == 0
    os.close(end)


@pytest_twisted.ensureDeferred
async def test_a_terminal_is_copied_on_by_the_next_daemon(bench):
    """What was written while none was there comes first."""
    out, go = bench.fifo("out"), bench.fifo("go")
    end = reader(out)
    await bench.create(
        "one", "sh", "-c", "stty -echo; echo on; while read x; do echo got $x; done", terminal=True,
        stdin=go, stdout=out,
    )  # fmt: skip
    await bench.start("one")
    await bench.until(lambda: readable(end))
    heard = read_all(end)
    await bench.restart()
    write(go, b"one\n")
    await bench.until(lambda: readable(end))

    assert heard + read_all(end) == b"on\r\ngot one\r\n"
    os.close(end)


@pytest.mark.parametrize("exec_id", ["", "e"])
@pytest_twisted.ensureDeferred
async def test_who_is_at_a_terminal_does_not_notice_that_no_daemon_is_there(bench, exec_id):
    """Who reads is told no end before there is one, and what was typed meanwhile arrives."""
    fifos = {name: bench.fifo(name) for name in ("stdin", "stdout")}
    end = reader(fifos["stdout"])
    words = ("sh", "-c", "stty -echo; echo on; while read x; do echo got $x; done")
    if exec_id:
        await bench.create("one", "sleep", "1000")
        await bench.start("one")
        await bench.add("one", exec_id, *words, terminal=True, **fifos)
    else:
        await bench.create("one", *words, terminal=True, **fifos)
    await bench.start("one", exec_id)
    await bench.until(lambda: readable(end))
    assert read_all(end) == b"on\r\n"
    typing = os.open(fifos["stdin"], os.O_WRONLY | os.O_NONBLOCK)
    bench.end()
    assert not readable(end)
    os.write(typing, b"one\n")
    bench.begin()
    await bench.is_ready()
    await bench.until(lambda: readable(end))
    assert read_all(end) == b"got one\r\n"

    os.write(typing, b"\x04")
    assert await bench.wait("one", exec_id) == 0
    await bench.until(lambda: readable(end))
    assert os.read(end, 1) == b""
    for fd in (typing, end):
        os.close(fd)


@pytest_twisted.ensureDeferred
async def test_a_program_logs_a_terminal(bench):
    """It has the end of it only when the process has ended, whatever became of the daemon."""
    log, go = f"{bench.directory}/log", bench.fifo("go")
    with open(f"{bench.directory}/logger", "w") as file:
        file.write(f"#!/bin/sh\nexec 5>&-\ncat <&3 >{log}\necho end >>{log}\n")
    os.chmod(f"{bench.directory}/logger", 0o755)
    uri = f"binary://{bench.directory}/logger"
    await bench.create("one", "sh", "-c", "echo on; read x; echo got $x", terminal=True, stdin=go, stdout=uri)
    await bench.start("one")
    await bench.until(lambda: os.path.exists(log) and "on" in Path(log).read_text())
    await bench.restart()
    write(go, b"one\n")
    assert await bench.wait("one") == 0
    await bench.delete("one")

    await bench.until(lambda: "end" in Path(log).read_text())
    assert Path(log).read_bytes() == b"on\r\none\r\ngot one\r\nend\n"


@pytest_twisted.ensureDeferred
async def test_the_keeper_may_be_killed(bench):
    """What runs goes on with the next keeper; a task that waited for its start has ended; both are told."""
    await bench.create("one", "sleep", "1000")
    await bench.create("two", "sleep", "1000")
    await bench.start("one")
    bench.keeper.kill()
    bench.end()
    bench.keeper.start()
    bench.begin()
    await bench.is_ready()

    assert await bench.status("one") == "RUNNING"
    assert await bench.wait("two") == 137
    await bench.kill("one", signal.SIGKILL)
    assert await bench.wait("one") == 137
    await bench.delete("two")


@pytest_twisted.ensureDeferred
async def test_what_the_last_daemon_did_not_tell_is_told_by_the_next(bench):
    """All of it, in order, the exit of init last but for the deletion, and none twice."""
    bench.containerd.refuses = 1000
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "sleep", "1000")
    await bench.start("one", "e")
    await bench.call("Pause", pb.PauseRequest(id="one"))
    await bench.call("Resume", pb.ResumeRequest(id="one"))
    await bench.restart()
    await bench.kill("one")
    await bench.wait("one")
    await bench.restart()
    await bench.delete("one")
    assert bench.containerd.heard == []
    bench.end()
    await deferLater(reactor, 0.1)  # what is on its way is refused
    bench.containerd.refuses = 0
    bench.begin()
    await bench.is_ready()

    told = ("create", "start", "exec-added", "exec-started", "paused", "resumed", "exit", "exit", "delete")
    heard = await bench.heard(*told)
    assert [each.id for each in heard[6:8]] == ["e", "one"]
    await bench.told()
    await bench.restart()
    await deferLater(reactor, 0.2)
    assert bench.containerd.topics == []


@pytest_twisted.ensureDeferred
async def test_what_was_told_is_not_told_again(bench):
    """Each event was taken before the daemon died."""
    await bench.create("one", "sleep", "1000")
    await bench.start("one")
    await bench.add("one", "e", "true")
    await bench.start("one", "e")
    await bench.wait("one", "e")
    await bench.heard("create", "start", "exec-added", "exec-started", "exit")
    await bench.told()
    await bench.restart()
    await bench.kill("one")
    await bench.wait("one")
    await bench.delete("one")

    await bench.heard("exit", "delete")


@pytest_twisted.ensureDeferred
async def test_a_start_of_which_no_daemon_came_to_tell_is_told(bench):
    """The daemon died while the program, and that of an exec, were started, and nobody asks again; the end is later."""
    bench.containerd.refuses = 1000
    await bench.create("one", "sleep", "1000")
    bench.send(bench.call_of("Start", pb.StartRequest(id="one"))).addErrback(lambda failure: None)
    await bench.restart()
    await bench.until(lambda: next(iter(bench.side.tasks)).init.status == "running")
    await bench.add("one", "e", "sleep", "1000")
    bench.send(bench.call_of("Start", pb.StartRequest(id="one", exec_id="e"))).addErrback(lambda failure: None)
    bench.end()
    await deferLater(reactor, 0.3)
    bench.begin()
    await bench.is_ready()
    await bench.until(lambda: next(iter(bench.side.tasks)).execs["e"].status == "running")
    await bench.kill("one")
    await bench.wait("one")
    bench.end()
    await deferLater(reactor, 0.1)  # what is on its way is refused
    bench.containerd.refuses = 0
    bench.begin()
    await bench.is_ready()

    heard = await bench.heard("create", "start", "exec-added", "exec-started", "exit", "exit")
    assert heard[3].pid == heard[4].pid != 0
    assert heard[1].pid == heard[5].pid


@pytest.mark.parametrize("everyone", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_signal_that_is_asked_for_again_is_sent_once(bench, everyone):
    """The daemon died before it could answer; another call, with the same signal, is another one."""
    out = bench.fifo("out")
    end = reader(out)
    script = "trap 'echo hup' HUP; echo on; while :; do sleep 0.01; done"
    await bench.create("one", "sh", "-c", script, stdout=out)
    await bench.start("one")
    await bench.until(lambda: readable(end))
    assert read_all(end) == b"on\n"
    kill = pb.KillRequest(id="one", signal=signal.SIGHUP, all=everyone)
    await bench.call("Kill", kill, stream=101)
    await bench.until(lambda: readable(end))
    assert read_all(end) == b"hup\n"
    await bench.restart()
    await bench.call("Kill", kill, stream=101, is_repeated=True)
    await deferLater(reactor, 0.3)
    assert read_all(end) == b""

    await bench.call("Kill", kill, stream=103)
    await bench.until(lambda: readable(end))
    assert read_all(end) == b"hup\n"
    os.close(end)


@pytest_twisted.ensureDeferred
async def test_a_logger_that_does_not_end_is_ended_by_the_next_daemon(bench):
    """Its process is gone and deleted, and so is the daemon that was to end it."""
    mark, ended = f"{bench.directory}/pid", f"{bench.directory}/ended"
    with open(f"{bench.directory}/logger", "w") as file:
        file.write(f"#!/bin/sh\nexec 5>&-\ntrap 'echo >{ended}; exit' TERM\necho $$ >{mark}\n")
        file.write("while :; do sleep 0.05; done\n")
    os.chmod(f"{bench.directory}/logger", 0o755)
    await bench.create("one", "true", stdout=f"binary://{bench.directory}/logger")
    await bench.start("one")
    await bench.wait("one")
    await bench.until(lambda: os.path.exists(mark))
    await bench.delete("one")
    await bench.restart()

    await bench.until(lambda: os.path.exists(ended))
