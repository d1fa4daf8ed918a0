"""What a program finds when it is executed: nothing of ours."""

from __future__ import annotations

import os
import resource
import signal

import pytest

from runjd.container.stdio import Fifos
from runjd.errors import RunjdError
from tests.container.jails import Jails, read_all, read_until, until, wait

STATUS = ["cat", "/proc/self/status"]


def _status(text: str, name: str) -> str:
    return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(f"{name}:"))


def test_signals_are_as_at_the_start_of_the_world(jails: Jails) -> None:
    """Nothing is ignored (Python ignores SIGPIPE and SIGXFSZ) and nothing blocked, whatever we do ourselves."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN), signal.signal(signal.SIGUSR2, lambda *_: None)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])
    try:
        _, out, _ = jails.run(STATUS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, before[0])
        signal.signal(signal.SIGUSR2, before[1])

    assert {_status(out, name) for name in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}


def test_only_the_three_standard_descriptors_are_open(jails: Jails) -> None:
    """Neither our own descriptors nor those of other containers get in, inheritable ones included."""
    ours = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(ours, True)
    try:
        created = jails.create("db", ["sleep", "60"])
        running = jails.create("web", ["sleep", "60"], start=True)
        # the loader may still have a library open
        until(lambda: _open_in(running.pid) == ["0", "1", "2"], "only three are open")
        # one that waits has the gate as well
        assert (_open_in(created.pid)[:3], len(_open_in(created.pid))) == (["0", "1", "2"], 4)
    finally:
        os.close(ours)


def test_the_environment_is_exactly_that_of_the_bundle(jails: Jails) -> None:
    """Values are kept byte for byte; only HOME is added, from the container's own passwd."""
    env = ["PATH=/bin:/usr/bin", 'A=1 2\t"3"', "EMPTY=", "UMLAUT=ä", "EQ=a=b"]

    _, out, _ = jails.run(["cat", "/proc/self/environ"], process={"env": env})

    assert out.split("\0")[:-1] == [*env, "HOME=/root"]


def test_a_name_that_stands_twice_stays_twice(jails: Jails) -> None:
    """The environment is handed over, not interpreted."""
    _, out, _ = jails.run(
        ["cat", "/proc/self/environ"], process={"env": ["A=1", "A=2", "HOME=/x", "PATH=/bin:/usr/bin"]}
    )

    assert out.split("\0")[:-1] == ["A=1", "A=2", "HOME=/x", "PATH=/bin:/usr/bin"]


@pytest.mark.root
@pytest.mark.parametrize(("uid", "home"), [(1000, "/home/user"), (4711, "/")])
def test_home_is_the_users_own(private_dir: str, uid: int, home: str) -> None:
    """HOME comes from the passwd of the root; / for whom it does not know."""
    jails = Jails(private_dir, "linux")

    _, out, _ = jails.run(["sh", "-c", "echo $HOME"], uid=uid)

    assert out == f"{home}\n"


@pytest.mark.root
def test_a_hostile_passwd_does_no_harm(private_dir: str) -> None:
    """A passwd that is a FIFO, a link to nowhere or endless is passed over."""
    jails = Jails(private_dir, "linux")
    bundle = jails.bundle(["sh", "-c", "echo $HOME"])
    path = f"{bundle}/rootfs/etc/passwd"

    for make in (
        lambda: os.mkfifo(path),
        lambda: os.symlink("/nowhere", path),
        lambda: os.symlink("/dev/zero", path),
        lambda: os.mkdir(path),
    ):
        os.unlink(path)
        make()
        io = Fifos("init", stdin=False)
        state = jails.operations.create("web", bundle, jails.keep(io), runtime="linux", start=True)
        wait(state.pid)

        assert read_all(io.held["out"]) == "/\n"
        jails.operations.delete("web")
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
            os.symlink("/nowhere", path)
    jails.finish()


def test_the_program_leads_its_own_session(jails: Jails) -> None:
    """No signal of our terminal reaches it."""
    state = jails.create("web", ["sleep", "60"], start=True)

    assert os.getsid(state.pid) == state.pid
    assert os.getpgid(state.pid) == state.pid


def test_the_working_directory_is_that_of_the_bundle(jails: Jails) -> None:
    """The program starts in process.cwd."""
    _, out, _ = jails.run(["pwd"], cwd="/tmp")

    assert out == "/tmp\n"


@pytest.mark.root
def test_a_working_directory_that_is_missing_is_made(private_dir: str) -> None:
    """In a root of its own, as other runtimes do, beneath it whatever links say, and taken away with the container."""
    jails = Jails(private_dir, "linux")
    bundle = jails.bundle(["sh", "-c", "pwd; ls -ld ."], cwd="/up/work/deep")
    outside = f"{private_dir}/outside"
    os.symlink(outside, f"{bundle}/rootfs/up")
    io = Fifos("init", stdin=False)

    state = jails.operations.create("web", bundle, jails.keep(io), runtime="linux", start=True)

    assert wait(state.pid) == 0
    path, listed = read_all(io.held["out"]).splitlines()
    assert (path, listed[:10]) == (f"{outside}/work/deep", "drwxr-xr-x")
    assert not os.path.exists(outside)
    assert os.path.isdir(f"{bundle}/rootfs{outside}/work/deep")
    jails.operations.delete("web")
    assert not os.path.exists(f"{bundle}/rootfs/tmp/{os.path.basename(private_dir)}")
    jails.finish()


def test_a_working_directory_that_is_missing_is_an_error_on_the_host(plain: Jails) -> None:
    """Without a root of its own nothing is made, and create fails."""
    with pytest.raises(RunjdError, match=r'process.cwd: chdir to cwd \("/no/such"\): no such file or directory'):
        plain.create("web", ["pwd"], cwd="/no/such")


@pytest.mark.root
def test_a_working_directory_that_cannot_be_made_is_an_error(private_dir: str) -> None:
    """A file in its place is told by the process."""
    jails = Jails(private_dir, "linux")
    with pytest.raises(RunjdError, match=r'process.cwd: chdir to cwd \("/etc/passwd/x"\): not a directory'):
        jails.create("web", ["pwd"], cwd="/etc/passwd/x")
    jails.finish()


@pytest.mark.parametrize("fd", [3, 7, 8, 9])
def test_a_leaked_directory_of_the_host_is_no_working_directory(plain: Jails, fd: int) -> None:
    """process.cwd cannot be one of our descriptors (CVE-2024-21626): they are closed before anything is entered."""
    with pytest.raises(RunjdError, match="process.cwd: chdir to"):
        plain.create("web", ["pwd"], cwd=f"/proc/self/fd/{fd}")


def test_limits_of_ours_do_not_get_in_when_the_caller_puts_them_back(private_dir: str) -> None:
    """What the caller changed of itself it puts back in the child, before the program's own limits are set."""
    from runjd.container.operations import Operations
    from runjd.runtime.choose import RUNTIMES

    jails = Jails(private_dir, "plain")
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    jails.operations = Operations(
        jails.state_dir, RUNTIMES, lambda: 1.0, lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    )

    _, out, _ = jails.run(["sh", "-c", "ulimit -c"])

    assert out == "0\n"
    assert resource.getrlimit(resource.RLIMIT_CORE) == (soft, hard)


def test_arguments_are_kept_byte_for_byte(jails: Jails) -> None:
    """Empty ones, blanks and what is not ASCII arrive as they are."""
    args = ["", " ", "ä\n", "-x", "'\"$HOME"]

    _, out, _ = jails.run(["sh", "-c", "for each; do printf '%s|' \"$each\"; done", "sh", *args])

    assert out == "".join(f"{each}|" for each in args)


def test_argument_zero_is_what_the_bundle_says(jails: Jails) -> None:
    """The program's file is looked up in PATH, its name stays as written."""
    io = Fifos("init", stdin=False)
    jails.create("web", ["sh", "-c", "cat /proc/$$/cmdline; exec sleep 60"], io=io, start=True)

    assert read_until(io.held["out"], "sh").startswith("sh\0")


def test_too_many_arguments_are_the_callers_fault(plain: Jails) -> None:
    """E2BIG is told as such, not as an internal error."""
    with pytest.raises(RunjdError) as caught:
        plain.create("web", ["true", *["x" * 100_000] * 100], start=True)

    assert caught.value.code == "BAD_ARG"
    assert "process.args and process.env are too long" in str(caught.value)


def _open_in(pid: int) -> list[str]:
    return sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
