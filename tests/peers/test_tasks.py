"""
containerd's tasks, by ctr: run by our daemon and, with make peers, by containerd's own shim for runc.

Where the two differ, the test names it; there is little.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.peers.machine import Machine, MachineError, until
from tests.peers.programs import PATH
from tests.peers.tasks import SHIMS, Tasks
from tests.peers.thorough import IS_THOROUGH, WANTED, thorough
from tests.runtime.linux import small_busctl

pytestmark = pytest.mark.root

_CROWD = 50 if IS_THOROUGH else 8


@pytest.fixture(scope="module", params=[each for each in WANTED if each in SHIMS])
def tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """Return containerd with a daemon; after all tests nothing of its tasks may be left."""
    for program in ("containerd", "ctr", "containerd-shim-runc-v2"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (as root, make test installs it)")
    directory = tmp_path_factory.mktemp("tasks")
    try:
        machine = Machine(str(directory), {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
    except MachineError as error:
        pytest.skip(f"no machine of its own for containerd: {error}")
    try:
        with Tasks(machine, directory, request.param) as running:
            yield running
            left = running.leftovers()
            words = running.words()
    finally:
        machine.switch_off()
    assert left == [], "left behind:\n" + "\n".join(left) + words


@pytest.fixture
def box(tasks: Tasks) -> Iterator[str]:
    """Return the name of a container to be, which is removed after the test."""
    name = tasks.name()
    yield name
    tasks.remove(name)


def test_a_task_runs_to_its_end(tasks: Tasks, box: str) -> None:
    """Its output comes out whole, and its exit status is that of ctr."""
    done = tasks.run("--rm", box, "sh", "-c", "echo out; echo err >&2; exit 7")

    assert (done.status, done.out, done.err) == (7, b"out\n", b"err\n")
    assert tasks.status(box) == ""


@pytest.mark.thorough
def test_the_tail_of_the_output_is_not_lost(tasks: Tasks, box: str) -> None:
    """A program writes more than a pipe holds and ends at once; every byte arrives."""
    done = tasks.run("--rm", box, "sh", "-c", "seq 100000; echo last")

    assert done.out.endswith(b"100000\nlast\n")
    assert done.out.count(b"\n") == 100_001


@pytest.mark.parametrize("command", ["no-such-program", *thorough(("/no/such/program",))])
def test_a_task_that_cannot_be_made_is_told(tasks: Tasks, box: str, command: str) -> None:
    """What was wrong comes out at the other end, and nothing is left."""
    done = tasks.run("--rm", box, command)

    assert done.status == 1
    assert "OCI runtime create failed: " in done.complaint
    assert f'"{command}": ' in done.complaint
    assert tasks.status(box) == ""


def test_a_detached_task_lives_until_it_is_killed(tasks: Tasks, box: str) -> None:
    """It is running, takes more processes, ends by a signal, and leaves its status."""
    assert tasks.run("--detach", box, "sleep", "1000").status == 0
    assert tasks.status(box) == "RUNNING"

    done = tasks("task exec --exec-id one", box, "sh", "-c", "echo inside; exit 5")
    missing = tasks("task exec --exec-id two", box, "no-such-program")
    tasks.good("task kill --signal TERM", box)

    assert (done.status, done.out) == (5, b"inside\n")
    assert missing.status == 1
    assert "OCI runtime exec failed: " in missing.complaint
    assert '"no-such-program": executable file not found in $PATH' in missing.complaint
    assert tasks.status(box) == "RUNNING"
    assert "cannot delete a running process" in tasks("task rm", box).complaint or tasks.status(box) == "RUNNING"
    tasks.good("task kill --signal KILL", box)
    until(lambda: tasks.status(box) == "STOPPED")
    assert "exit code 137" in tasks("task rm", box).complaint


def test_what_is_typed_reaches_the_program(tasks: Tasks, box: str) -> None:
    """Line by line, and the end of the input is the end for the program, after all that came before."""
    with tasks.talk_to_new(box, "sh", "-c", "while read x; do echo got $x; done; echo end") as conversation:
        until(lambda: tasks.status(box) == "RUNNING")
        conversation.say(b"one\n")
        conversation.expect(b"got one\n")
        conversation.say(b"two\nthree\n")
        conversation.end()

        assert conversation.status() == 0
        assert conversation.heard == b"got one\ngot two\ngot three\nend\n"


def test_an_exec_reads_what_ctr_is_given(tasks: Tasks, box: str) -> None:
    """All of it, and then the end."""
    tasks.run("--detach", box, "sleep", "1000")

    done = tasks("task exec --exec-id cat", box, "cat", data=b"a line\n" * 20_000)

    assert (done.status, len(done.out)) == (0, 140_000)


def test_a_task_has_a_terminal(tasks: Tasks, box: str) -> None:
    """It has the size of ctr's, follows it, and what is typed arrives."""
    with tasks.on_terminal("--rm", box, "sh") as conversation:
        conversation.say(b'tty; until [ "$(stty size 2>/dev/null)" = "24 80" ]; do sleep 0.05; done; echo ready\n')
        conversation.expect(b"/dev/pts/0\r")
        conversation.expect(b"ready\r")
        conversation.say(b'until [ "$(stty size)" = "30 90" ]; do sleep 0.05; done; echo big""ger\n')
        conversation.expect_sized(b"bigger\r", 30, 90)
        conversation.say(b"exit 42\n")

        assert conversation.status() == 42


@pytest.mark.thorough
def test_an_exec_has_a_terminal(tasks: Tasks, box: str) -> None:
    """Beside a task that has none."""
    tasks.run("--detach", box, "sleep", "1000")

    with tasks.talk_on_terminal("task exec --tty --exec-id sh", box, "sh") as conversation:
        conversation.say(b"tty; echo he''llo\n")
        conversation.expect(b"/dev/pts/")
        conversation.expect(b"hello\r")
        conversation.say(b"exit 3\n")

        assert conversation.status() == 3


@pytest.mark.thorough
def test_somebody_comes_back_to_a_task(tasks: Tasks, box: str) -> None:
    """Who attaches to a detached task with a terminal sees what it writes from then on, and types."""
    with tasks.on_terminal("--detach", box, "sh", "-c", "while read x; do echo got $x; done") as conversation:
        assert conversation.status() == 0

    with tasks.talk_on_terminal("task attach", box) as conversation:
        conversation.say(b"hello\n")
        conversation.expect(b"got hello\r")


def test_a_task_is_paused_and_looked_into(tasks: Tasks, box: str) -> None:
    """Pause and resume change what containerd says of it; its processes are counted and listed."""
    tasks.run("--detach", box, "sleep", "1000")
    listed = tasks.good("task ps", box).splitlines()

    assert [line.split()[0] for line in listed] == ["PID", str(tasks.pid(box))]
    tasks.good("task pause", box)
    assert tasks.status(box) == "PAUSED"
    tasks.good("task resume", box)
    assert tasks.status(box) == "RUNNING"
    metrics = tasks.good("task metrics", box)
    assert re.search(r"pids\.current +1\b", metrics)
    assert int(re.search(r"memory\.usage(?:_in_bytes)? +(\d+)", metrics)[1]) > 0


@pytest.mark.thorough
def test_a_paused_task_can_be_killed(tasks: Tasks, box: str) -> None:
    """Nobody has to resume it first."""
    tasks.run("--detach", box, "sleep", "1000")
    tasks.good("task pause", box)

    tasks.good("task kill --signal KILL --all", box)
    if not tasks.is_ours:  # runc leaves it frozen
        tasks("task resume", box)

    until(lambda: tasks.status(box) == "STOPPED")


def test_containerd_hears_everything_in_order(tasks: Tasks, box: str) -> None:
    """Create, start, exec, exits and deletion, each once; the exit of init last of all exits."""
    with tasks.talk("events") as conversation:
        tasks.run("--detach", box, "sleep", "1000")
        with tasks.talk("task exec --exec-id nap", box, "sleep", "1000"):
            until(lambda: len(tasks.good("task ps", box).splitlines()) == 3)
            tasks.good("task kill --signal KILL", box)
            until(lambda: tasks.status(box) == "STOPPED")
        tasks("task rm", box)
        conversation.expect(f'/tasks/delete {{"container_id":"{box}"'.encode())
        lines = [line for line in conversation.heard.decode().splitlines() if f'"container_id":"{box}"' in line]

    heard = [(re.search(r"/tasks/(\S+) ", line)[1], json.loads(line[line.index("{") :])) for line in lines]
    assert [topic for topic, _ in heard] == [
        "create", "start", "exec-added", "exec-started", "exit", "exit", "delete",
    ]  # fmt: skip
    assert [event["id"] for topic, event in heard if topic == "exit"] == ["nap", box]
    # with an id it would be the end of an exec of that name
    assert (heard[-1][1]["exit_status"], heard[-1][1].get("id")) == (137, None)


@pytest.mark.thorough
def test_running_out_of_memory_is_told(tasks: Tasks, box: str) -> None:
    """Before the exit that comes of it."""
    with tasks.talk("events") as conversation:
        done = tasks.run("--rm --memory-limit 20000000", box, "sh", "-c", "x=a; while true; do x=$x$x; done")
        conversation.expect(f'/tasks/delete {{"container_id":"{box}"'.encode())
        topics = re.findall(rf'/tasks/(\S+) {{"container_id":"{box}"', conversation.heard.decode())

    assert done.status == 137
    assert topics == ["create", "start", "oom", "exit", "delete"]


def test_systemd_makes_the_groups(tasks: Tasks, box: str) -> None:
    """Where a file says so that ctr names; here it is a small program, which is asked for a scope and its end."""
    if not tasks.is_ours:
        pytest.skip("runc asks systemd itself, which is not on this machine")
    places = [f"/sys/fs/cgroup/{each}" for each in ("systemd", "unified", ".")]
    place = next(each for each in places if tasks.machine.path(f"{each}/cgroup.procs").exists())
    busctl, here = tasks.on_path / "busctl", "/run/busctl"
    tasks.machine.path(here).mkdir()
    busctl.write_text(small_busctl.program(PATH, here, f"{place}/a.slice/ctr-{box}.scope"))
    busctl.chmod(0o755)
    tasks.machine.path("/run/runj.toml").write_text("SystemdCgroup = true\n")
    options = f"--runtime-config-path /run/runj.toml --cgroup a.slice:ctr:{box}"
    try:
        assert tasks.run(f"--detach {options}", box, "sleep", "1000").complaint == ""
        groups = tasks.machine.path(f"/proc/{tasks.pid(box)}/cgroup").read_text()
        tasks.remove(box)
    finally:
        busctl.unlink()
    without = tasks.run(options, box, "true")

    assert f"/a.slice/ctr-{box}.scope/container\n" in groups
    asked = tasks.machine.path(f"{here}/asked").read_text().splitlines()
    assert [line.split()[4] for line in asked if " call " in f" {line}"] == ["StartTransientUnit", "StopUnit"]
    assert "without SystemdCgroup in containerd's configuration" in without.complaint


@pytest.mark.thorough
def test_output_goes_into_a_file(tasks: Tasks, box: str) -> None:
    """With file:// it is appended there, both streams."""
    path = f"/run/logs-{box}/box.log"
    tasks.run(f"--detach --log-uri file://{path}", box, "sh", "-c", "seq 20000; echo err >&2")
    until(lambda: tasks.status(box) == "STOPPED")
    tasks("task rm", box)

    until(lambda: tasks.machine.path(path).read_text().count("\n") == 20_001)


def test_output_goes_to_a_program(tasks: Tasks, box: str) -> None:
    """With binary:// it reads both streams, knows whose they are, and is waited for until it is ready."""
    path = f"/run/logger-{box}"
    script = f"""#!/bin/sh
cat <&3 >{path}.out 5>&- & cat <&4 >{path}.err 5>&- &
echo "$1 $2 $CONTAINER_ID $CONTAINER_NAMESPACE" >{path}.who
exec 5>&-
wait
echo done >{path}.end
"""
    tasks.machine.path(path).write_text(script)
    tasks.machine.path(path).chmod(0o755)
    tasks.run(f"--detach --log-uri binary://{path}?key=value", box, "sh", "-c", "seq 20000; echo err >&2")
    until(lambda: tasks.status(box) == "STOPPED")
    until(lambda: tasks.machine.path(f"{path}.out").read_text().endswith("\n20000\n"))
    if tasks.is_ours:  # runc's shim keeps the pipes open until it kills the program
        until(tasks.machine.path(f"{path}.end").exists)

    assert tasks.machine.path(f"{path}.who").read_text() == f"key value {box} default\n"
    assert tasks.machine.path(f"{path}.err").read_text() == "err\n"


@pytest.mark.thorough
def test_a_program_that_cannot_log_fails_the_task(tasks: Tasks, box: str) -> None:
    """It is not there: that is told, and nothing is left."""
    done = tasks.run("--detach --log-uri binary:///no/such/logger", box, "sleep", "1000")

    assert done.status == 1
    assert "/no/such/logger" in done.complaint
    assert tasks.status(box) == ""


@pytest.mark.thorough
def test_ids_are_unique_in_a_namespace_only(tasks: Tasks, box: str) -> None:
    """Two namespaces have a task of the same id; each is its own."""
    archive = str(tasks.archive)
    tasks.good("image import --snapshotter native", archive, namespace="other")
    tasks.run("--detach", box, "sleep", "1000")
    tasks.run("--detach", box, "sh", "-c", "exec sleep 2000", namespace="other")
    try:
        assert tasks.pid(box) != tasks.pid(box, "other")
        tasks.good("task kill --signal KILL", box)
        until(lambda: tasks.status(box) == "STOPPED")

        assert tasks.status(box, "other") == "RUNNING"
    finally:
        tasks.remove(box, "other")


def test_many_run_at_once(tasks: Tasks) -> None:
    """Each gets its own output and its own status."""
    names = [tasks.name() for _ in range(_CROWD)]

    def one(index: int) -> tuple[int, bytes]:
        done = tasks.run("--rm", names[index], "sh", "-c", f"echo {index}; exit {index}")
        return done.status, done.out

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(one, range(_CROWD)))

    assert results == [(index, b"%d\n" % index) for index in range(_CROWD)]


def test_tasks_outlive_containerd(tasks: Tasks, box: str) -> None:
    """It is killed and started again: live tasks live, one that ended meanwhile has its status."""
    other = tasks.name()
    tasks.run("--detach", box, "sleep", "1000")
    tasks.run("--detach", other, "sh", "-c", "sleep 1; exit 9")
    pid = tasks.pid(box)
    tasks.stop_containerd()
    time.sleep(1.2)
    tasks.start_containerd()

    assert (tasks.status(box), tasks.pid(box)) == ("RUNNING", pid)
    done = tasks("task exec --exec-id after", box, "echo", "still here")
    assert (done.status, done.out) == (0, b"still here\n")
    # what ended meanwhile containerd 1.7 and later delete when they start, as the shim tells them of no process
    until(lambda: tasks.status(other) in ("STOPPED", ""))
    assert tasks.status(other) == "" or "exit code 9" in tasks("task rm", other).complaint
    tasks.good("container rm", other)


def test_containerd_does_not_notice_that_the_daemon_is_killed(tasks: Tasks, box: str) -> None:
    """Who waits hears the true status later; what was written meanwhile is not lost, and all goes on."""
    other = tasks.name()
    tasks.run("--detach", other, "sleep", "1000")
    script = "while read x; do echo got $x; done; exit 23"
    with tasks.talk_to_new(box, "sh", "-c", script) as conversation:
        until(lambda: tasks.status(box) == "RUNNING")
        conversation.say(b"one\n")
        conversation.expect(b"got one\n")
        if tasks.is_ours:
            tasks.kill_daemon()
        conversation.say(b"two\n")
        conversation.expect(b"got two\n")
        conversation.end()
        if tasks.is_ours:
            time.sleep(0.5)
            tasks.start_daemon()

        assert conversation.status() == 23
    assert tasks.status(other) == "RUNNING"
    assert tasks("task exec --exec-id after", other, "true").status == 0
    tasks.remove(other)


def test_who_is_at_a_terminal_does_not_notice_that_the_daemon_is_killed(tasks: Tasks, box: str) -> None:
    """What is typed meanwhile arrives; the terminals of tasks and execs work on, and end with their statuses."""
    read, other = "while read x; do echo got $x; done; exit", tasks.name()
    with (
        tasks.on_terminal("--rm", other, "sh", "-c", f"{read} 23") as first,
        tasks.on_terminal("--detach", box, "sh", "-c", f"{read} 24") as detached,
    ):
        assert detached.status() == 0
        exec = tasks.talk_on_terminal("task exec --tty --exec-id sh", box, "sh", "-c", f"{read} 25")
        with exec as second, tasks.talk_on_terminal("task attach", box) as third:
            talks = (first, second, third)
            for word in (b"one", b"two"):
                for each in talks:
                    each.say(word + b"\n")
                for each in talks:
                    each.expect(b"got " + word + b"\r")
                if tasks.is_ours:
                    tasks.kill_daemon()
                for each in talks:
                    each.say(b"un" + word + b"\n")
                if tasks.is_ours:
                    tasks.start_daemon()
                for each in talks:
                    each.expect(b"got un" + word + b"\r")
            for each, status in zip(talks, (23, 25, 24), strict=True):
                each.say(b"\x04")
                assert each.status() == status


@pytest.mark.thorough
def test_a_signal_reaches_the_program(tasks: Tasks, box: str) -> None:
    """One that it has a trap for, and only the process that is meant."""
    tasks.run("--detach", box, "sh", "-c", "trap 'exit 11' USR1; while true; do sleep 0.05; done")
    time.sleep(0.3)

    tasks.good(f"task kill --signal {int(signal.SIGUSR1)}", box)

    until(lambda: tasks.status(box) == "STOPPED")
    assert "exit code 11" in tasks("task rm", box).complaint
