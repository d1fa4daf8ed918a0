"""
CVE-2024-21626 and CVE-2002-0820: what a jail finds open, and where it stands.

The caller of runj is careless: it leaves directories and files of the host open,
not close-on-exec, or 0, 1 and 2 closed.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.container.jails import read_until, until, wait
from tests.functional.runj.test_run import _on_a_terminal
from tests.security.hostile import Hostile

pytestmark = pytest.mark.root


@pytest.fixture
def junk(private_dir: str) -> Iterator[list[int]]:
    """Return descriptors of directories of the host, a hole among them."""
    opened = [os.open(each, os.O_RDONLY) for each in ("/", "/etc", "/root", private_dir)]
    made = []
    for number in range(60, 90):
        if number % 7:
            # at that number or above it: what this process has open stays
            made.append(fcntl.fcntl(opened[number % 4], fcntl.F_DUPFD, number))
    yield [*opened, *made]
    for each in [*opened, *made]:
        os.close(each)


def test_nothing_of_the_caller_is_open(hostile: Hostile, junk: list[int]) -> None:
    """Neither the init process nor an exec process has more than 0, 1 and 2."""
    pid = _start(hostile, junk, ["sleep", "60"])

    until(lambda: sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"], "init has three")
    script = "for fd in $(busybox seq 0 200); do [ -h /proc/$$/fd/$fd ] && echo $fd; done; :"
    listed = _run(hostile, junk, "exec", "web", "sh", "-c", script)
    assert listed == "0\n1\n2\n"


def test_nothing_is_open_on_a_terminal_either(hostile: Hostile, junk: list[int]) -> None:
    """With a pty relayed by run and by exec there is the pty, three times."""
    script = ["sh", "-c", "ls -l /proc/self/fd; echo the end"]
    bundle = hostile.jails.bundle(script, terminal=True)
    pid, master, _ = _on_a_terminal(hostile.runj.argv("run", "-b", bundle, "once"))
    shown = read_until(master, "the end\r\n")
    assert wait(pid) == 0
    os.close(master)
    _start(hostile, junk, ["sleep", "60"])
    pid, master, _ = _on_a_terminal(hostile.runj.argv("exec", "-t", "web", *script))
    again = read_until(master, "the end\r\n")
    assert wait(pid) == 0
    os.close(master)

    for each in (shown, again):
        targets = [line.rpartition("-> ")[2] for line in each.splitlines() if "->" in line]
        # the fourth is the directory that ls itself reads
        assert [target for target in targets if not target.startswith("/proc/")] == [targets[0]] * 3
        assert targets[0].startswith("/dev/pts/")


def test_who_waits_for_start_holds_nothing_that_can_be_opened(hostile: Hostile, junk: list[int]) -> None:
    """A jail that shares the pids of a created one finds sockets without a name there, and cannot open them."""
    _run(hostile, junk, "create", "-b", hostile.jails.bundle(["sleep", "60"]), "web")
    waiting = hostile.runj.state("web")["pid"]
    program = """
found = {}
for fd in map(str, range(20)):
    found[fd] = [alone(os.readlink, "/proc/1/fd/" + fd), alone(os.open, "/proc/1/fd/" + fd, os.O_RDONLY)]
found["exe"] = [alone(os.readlink, "/proc/1/exe"), alone(os.open, "/proc/1/exe", os.O_RDONLY)]
found["root"] = ["", alone(os.open, "/proc/1/root/etc", os.O_RDONLY)]
found["mem"] = ["", alone(os.open, "/proc/1/mem", os.O_RDWR)]
found["environ"] = ["", alone(lambda: open("/proc/1/environ", "rb").read(1))]
found["maps"] = ["", alone(lambda: open("/proc/1/maps", "rb").read(1))]
found["ptrace"] = ["", errno.errorcode.get(-call(101, ctypes.c_long(16), ctypes.c_long(1), None, None), "traced")]
found["cmdline"] = [open("/proc/1/cmdline").read().strip(chr(0)), ""]
tell(found)
"""
    config = hostile.config(hostile.python(program))
    assert isinstance(config["linux"], dict)
    for each in config["linux"]["namespaces"]:
        if each["type"] == "pid":
            each["path"] = f"/proc/{waiting}/ns/pid"
    hostile.runj.ok("create", "-b", hostile.jails.write(config), "other")
    hostile.runj.ok("start", "other")
    found = hostile.heard()

    assert isinstance(found, dict)
    assert found.pop("cmdline") == ["", ""]
    assert {result for _, result in found.values()} <= {"EACCES", "EPERM", "ENOENT"}


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_streams_are_nobody_elses(hostile: Hostile, closed: tuple[int, ...]) -> None:
    """What the caller left closed is /dev/null in the jail, and no file of ours takes its place."""
    bundle = hostile.jails.bundle(["sleep", "60"])
    shut = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)

    subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {shut}', "sh", *hostile.runj.argv("create", "-b", bundle, "web")],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=10,
    )
    pid = hostile.runj.state("web")["pid"]

    assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3


@pytest.mark.parametrize("name", ["/proc/self/fd/{}", "/proc/1/fd/{}", "/proc/self/fd/{}/.", "/dev/fd/{}/../etc"])
def test_a_descriptor_is_no_way_out(hostile: Hostile, junk: list[int], name: str) -> None:
    """process.cwd and --cwd cannot be a directory that we or our caller have open."""
    _start(hostile, junk, ["sleep", "60"])

    for number in range(3, 13):
        done = hostile.runj("exec", "--cwd", name.format(number), "web", "pwd")
        assert done.returncode != 0, done.stdout
        assert "process.cwd: chdir to cwd" in done.stderr
    for number in (3, 7, 8):
        bundle = hostile.jails.bundle(["pwd"], cwd=name.format(number))
        done = _attempt(hostile, junk, "run", "-b", bundle, "other")
        assert done.returncode != 0
        assert "process.cwd: chdir to cwd" in done.stderr


def test_a_naive_runtime_stands_outside(hostile: Hostile, junk: list[int]) -> None:
    """Without the closing and the check, a process in a new root stands in a directory of the host."""
    root = hostile.jails.bundle(["true"]) + "/rootfs"
    script = f"import os; os.chroot({root!r}); os.fchdir({junk[0]}); print(os.path.exists('etc/hostname'), os.getcwd())"

    done = subprocess.run(
        ["/usr/bin/env", "python3", "-c", script], pass_fds=junk, capture_output=True, text=True, check=False
    )

    assert done.stdout.startswith("True (unreachable)") or "FileNotFoundError" in done.stderr


def _start(hostile: Hostile, junk: list[int], args: list[str]) -> int:
    _run(hostile, junk, "create", "-b", hostile.jails.bundle(args), "web")
    pid = hostile.runj.state("web")["pid"]
    _run(hostile, junk, "start", "web")
    assert isinstance(pid, int)
    return pid


def _attempt(hostile: Hostile, junk: list[int], *words: str) -> subprocess.CompletedProcess[str]:
    with open(f"{hostile.directory}/words", "w+") as out, open(f"{hostile.directory}/complaint", "w+") as err:
        done = subprocess.run(
            hostile.runj.argv(*words),
            pass_fds=junk,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            timeout=10,
            check=False,
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())


def _run(hostile: Hostile, junk: list[int], *words: str) -> str:
    done = _attempt(hostile, junk, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout
