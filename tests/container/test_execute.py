"""``exec``: one more process in a running container."""

from __future__ import annotations

import os
import pwd
import signal

import pytest

from runjd.container.stdio import Fifos
from runjd.errors import BadArgument, NoSuchJail, RunjdError, WrongState
from runjd.runtime.memory import MemoryRuntime
from runjd.spec.model import Process, Rlimit, User
from tests.container.jails import Jails, read_all, until, wait

PATH = "PATH=/bin:/usr/bin"


def _exec(jails: Jails, args: list[str], name: str = "exec1", **properties: object) -> tuple[int, str, str]:
    io = Fifos(name, stdin=False)
    jails.keep(io)
    process = Process(tuple(args), env=(PATH,))._replace(**properties)
    started = jails.operations.exec("web", process, io, name)
    status = wait(started.pid)
    return status, read_all(io.held["out"]), read_all(io.held["err"])


def test_a_process_runs_beside_the_program(jails: Jails) -> None:
    """It has streams of its own, and its status is its parent's to see."""
    jails.create("web", ["sleep", "60"], start=True)

    assert _exec(jails, ["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\n", "err\n")
    assert jails.operations.state("web").status == "running"


def test_a_process_has_the_properties_it_was_given(jails: Jails) -> None:
    """Environment, working directory, umask and HOME are those of the process document."""
    jails.create("web", ["sleep", "60"], start=True)
    script = "pwd; umask; echo $A $HOME"

    uid = os.geteuid()
    status, out, _ = _exec(
        jails, ["sh", "-c", script], env=(PATH, "A=b"), cwd="/tmp", user=User(uid, os.getegid(), umask=0o027)
    )

    assert (status, out.split()[:4]) == (0, ["/tmp", "0027", "b", pwd.getpwuid(uid).pw_dir])


@pytest.mark.root
def test_a_process_is_in_the_namespaces_of_the_container(private_dir: str) -> None:
    """It sees the container's processes, root and host name."""
    jails = Jails(private_dir, "linux")
    jails.create("web", ["sleep", "60"], start=True, hostname="inside")

    status, out, _ = _exec(
        jails, ["sh", "-c", "cat /proc/1/cmdline; echo; cat /proc/sys/kernel/hostname; ls /bin/busybox"]
    )
    jails.finish()

    assert status == 0
    assert out.split("\n")[:3] == ["sleep\x0060\x00", "inside", "/bin/busybox"]


def test_an_exec_process_finds_nothing_of_ours(jails: Jails) -> None:
    """Signals, descriptors and session are as clean as those of the init process."""
    jails.create("web", ["sleep", "60"], start=True)
    io = jails.keep(Fifos("exec1", stdin=False))
    started = jails.operations.exec("web", Process(("sleep", "60"), env=(PATH,)), io, "exec1")

    with open(f"/proc/{started.pid}/status") as file:
        signals = [line.split()[1] for line in file if line[:7] in ("SigBlk:", "SigIgn:", "SigCgt:")]
    assert signals == ["0" * 16] * 3
    # the loader may still have a library open
    until(lambda: sorted(os.listdir(f"/proc/{started.pid}/fd")) == ["0", "1", "2"], "only three are open")
    assert os.getsid(started.pid) == started.pid
    os.kill(started.pid, signal.SIGKILL)
    wait(started.pid)


@pytest.mark.parametrize(
    ("args", "cwd", "message"),
    [
        (["nonesuch"], "/", 'process.args[0]: exec: "nonesuch": executable file not found in $PATH'),
        (["/etc/passwd"], "/", 'process.args[0]: exec: "/etc/passwd": permission denied'),
        (["true"], "/no/such", 'process.cwd: chdir to cwd ("/no/such"): no such file or directory'),
    ],
)
def test_what_cannot_be_executed_is_told_and_leaves_nothing(
    jails: Jails, args: list[str], cwd: str, message: str
) -> None:
    """The container goes on; no process, file or descriptor of the failed one is left."""
    jails.create("web", ["sleep", "60"], start=True)
    before = sorted(os.listdir("/proc/self/fd")), sorted(os.listdir(f"{jails.state_dir}/web/io"))

    with pytest.raises(RunjdError) as caught:
        _exec(jails, args, cwd=cwd)

    assert str(caught.value) == message
    assert (sorted(os.listdir("/proc/self/fd")), sorted(os.listdir(f"{jails.state_dir}/web/io"))) == before
    assert jails.operations.state("web").status == "running"


def test_only_a_running_container_takes_processes(jails: Jails) -> None:
    """Neither a created nor a stopped nor an unknown one does."""
    created = jails.create("web", ["true"])
    with pytest.raises(WrongState, match='cannot exec in "web": it is created, but was not started'):
        _exec(jails, ["true"])

    jails.operations.start("web")
    wait(created.pid)
    with pytest.raises(WrongState, match='cannot exec in "web": it is stopped'):
        _exec(jails, ["true"])

    jails.operations.delete("web")
    with pytest.raises(NoSuchJail):
        _exec(jails, ["true"])


def test_the_name_of_a_process_is_checked(jails: Jails) -> None:
    """It becomes a file name."""
    jails.create("web", ["sleep", "60"], start=True)

    with pytest.raises(BadArgument):
        _exec(jails, ["true"], name="../x")


def test_many_processes_at_once(jails: Jails) -> None:
    """Thirty processes started one after another all end with their own status."""
    jails.create("web", ["sleep", "60"], start=True)
    started = {}
    for number in range(30):
        io = jails.keep(Fifos(f"e{number}", stdin=False))
        process = Process(("sh", "-c", f"exit {number}"), env=(PATH,))
        started[jails.operations.exec("web", process, io, f"e{number}").pid] = number

    assert {pid: wait(pid) for pid in started} == started


def test_the_end_of_the_container_ends_its_processes(jails: Jails) -> None:
    """Delete by force takes exec processes along."""
    init = jails.create("web", ["sleep", "60"], start=True)
    io = jails.keep(Fifos("exec1", stdin=False))
    started = jails.operations.exec("web", Process(("sleep", "60"), env=(PATH,)), io, "exec1")
    if jails.runtime == "plain":
        # a session of its own, and no child of the init process: nothing ties it to the jail without isolation
        os.kill(started.pid, signal.SIGKILL)

    assert wait_after_delete(jails, started.pid) == -signal.SIGKILL
    assert wait(init.pid) == -signal.SIGKILL


def test_a_runtime_that_cannot_join_leaves_nothing(private_dir: str) -> None:
    """Streams that were made for it are gone."""
    runtime = MemoryRuntime()
    jails = Jails(private_dir, "memory", {"memory": lambda: runtime})
    jails.create("web", ["sleep", "60"], start=True)
    runtime.fails_at = "join"

    with pytest.raises(RunjdError, match="join: the test wants it to fail"):
        _exec(jails, ["true"])

    assert sorted(os.listdir(f"{jails.state_dir}/web/io")) == ["init.err", "init.out"]
    jails.finish()


def wait_after_delete(jails: Jails, pid: int) -> int:
    """
    Delete the container while an exec process is a child of ours, and return how that ended.

    Its zombie blocks the end of a pid namespace, so it is reaped as soon as it is there.
    """
    deleter = os.fork()
    if deleter == 0:
        try:
            jails.operations.delete("web", force=True)
        finally:
            os._exit(0)
    status = wait(pid)
    wait(deleter)
    return status


def test_the_name_of_a_process_can_be_used_again(jails: Jails) -> None:
    """Nothing of its streams stays behind, while it runs or after: another daemon counts from one again."""
    jails.create("web", ["sleep", "60"], start=True)

    for _ in range(2):
        assert _exec(jails, ["sh", "-c", "echo hello > /dev/stdout"], name="x1") == (0, "hello\n", "")
    assert sorted(os.listdir(f"{jails.state_dir}/web/io")) == ["init.err", "init.out"]


@pytest.mark.root
def test_the_limits_of_a_process_do_not_keep_it_from_appearing(private_dir: str) -> None:
    """As few descriptors as its streams are enough, and no more processes than it is itself."""
    jails = Jails(private_dir, "linux")
    jails.create("web", ["sleep", "60"], start=True)
    limits = (Rlimit("RLIMIT_NOFILE", 3, 3), Rlimit("RLIMIT_NPROC", 1, 1))

    assert _exec(jails, ["sh", "-c", "ulimit -n"], rlimits=limits)[:2] == (0, "3\n")
    jails.finish()
