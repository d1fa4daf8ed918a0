"""Without isolation: what is applied, what is left out, and that it is said."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from runjd.errors import BadArgument, SpecError, Unsupported
from runjd.kernel.files import Files
from runjd.runtime import choose
from runjd.runtime.linux.cgroup.files import read_host
from runjd.runtime.linux.cgroup.record import recorded
from runjd.runtime.linux.cgroup.removing import kill_all
from runjd.runtime.plain import PlainRuntime
from runjd.spec.model import Capabilities, LinuxDevice, Rlimit, Seccomp, User
from tests.runtime.driver import STANDARD_MOUNTS, Driver, bare_config, shell


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"mounts": STANDARD_MOUNTS}, "mounts[0]"),
        ({"hostname": "web"}, "hostname"),
        ({"domainname": "example.org"}, "domainname"),
        ({"linux": {"sysctl": (("net.core.somaxconn", "10"),)}}, "linux.sysctl"),
        ({"linux": {"seccomp": Seccomp("SCMP_ACT_ALLOW")}}, "linux.seccomp"),
        ({"linux": {"devices": (LinuxDevice("c", "/dev/fuse", 10, 229),)}}, "linux.devices[0]"),
    ],
)
def test_what_the_program_would_miss_is_refused(changes: dict[str, Any], path: str) -> None:
    """Without the mount it counts on, a program would write to the host's files."""
    with pytest.raises(Unsupported) as caught:
        PlainRuntime(0).plan(bare_config(**changes), "/b", "web")

    assert caught.value.path == path


def test_the_lack_of_isolation_is_told_once() -> None:
    """What only hides the host is no error, and is covered by one notice."""
    notices = PlainRuntime(0).plan(bare_config(linux={"masked_paths": ("/proc/kcore",)}), "/b", "web").notices

    assert len(notices) == 1
    assert "without isolation" in notices[0]


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_capability_that_cannot_be_given_is_told() -> None:
    """Root is told which capabilities are left out."""
    asked = bare_config(process={"capabilities": Capabilities(("CAP_KILL", "CAP_FLY"))})

    assert "CAP_FLY: not available" in PlainRuntime(0).plan(asked, "/b", "web").notices[-1]


def test_ordinary_user_stays_himself() -> None:
    """An ordinary user is not asked to be root, told so, and cannot be somebody else."""
    runtime = PlainRuntime(1000)

    assert "runs as user 1000 instead of 0" in runtime.plan(bare_config(), "/b", "web").notices[-1]
    assert runtime.plan(bare_config(process={"user": User(1000, 1000)}), "/b", "web")
    with pytest.raises(Unsupported) as caught:
        runtime.plan(bare_config(process={"user": User(1001)}), "/b", "web")
    assert caught.value.path == "process.user.uid"


def test_process_is_needed() -> None:
    """Without a process there is nothing to run."""
    with pytest.raises(SpecError) as caught:
        PlainRuntime(0).plan(bare_config()._replace(process=None), "/b", "web")

    assert caught.value.path == "process"


def test_limits_and_umask_are_applied(private_dir: str) -> None:
    """What needs no isolation is applied."""
    asked = bare_config(
        "umask; ulimit -n; grep NoNewPrivs /proc/self/status 2>/dev/null || echo NoNewPrivs: 1",
        process={
            "user": User(os.getuid(), os.getgid(), 0o027),
            "rlimits": (Rlimit("RLIMIT_NOFILE", 100, 100),),
            "no_new_privileges": True,
        },
    )

    status, output = Driver(PlainRuntime()).run(asked, private_dir)

    assert status == 0
    assert output.split() == ["0027", "100", "NoNewPrivs:", "1"]


def test_session_keeps_orphans_together(private_dir: str) -> None:
    """A grandchild whose parent has gone still belongs to the jail, and ends with it."""
    driver = Driver(PlainRuntime())
    held = driver.create(bare_config("(sleep 63 & ); echo up"), private_dir)
    driver.start(held.pid)
    driver.line(held.pid)
    os.waitid(os.P_PID, held.pid, os.WEXITED | os.WNOWAIT)

    assert len(driver.runtime.processes(held)) == 1
    driver.end(held)
    assert driver.runtime.processes(held) == ()


def test_nothing_of_pid_zero_is_a_jail() -> None:
    """A jail without an init process has no processes, though the kernel's threads are of session 0."""
    from runjd.kernel.process import boot_id
    from runjd.runtime.contract import Held

    nobody = Held("web", 0, 0, boot_id(), "")

    assert PlainRuntime().processes(nobody) == ()
    PlainRuntime().remove(nobody)


def test_exec_as_another_user_is_refused() -> None:
    """An ordinary user cannot exec as somebody else."""
    from runjd.runtime.contract import Held

    with pytest.raises(Unsupported):
        PlainRuntime(1000).join(Held("web", 0, 0, "", ""), shell("true", user=User(1001)), b"")


def test_default_depends_on_rights() -> None:
    """Root of Linux and of FreeBSD gets isolation, everybody else is served without it."""
    assert choose.default("linux", 0) == "linux"
    assert choose.default("linux", 1000) == "plain"
    assert choose.default("freebsd14", 0) == "freebsd"
    assert choose.default("freebsd14", 1000) == "plain"
    assert choose.default("netbsd10", 0) == "plain"
    assert choose.available("freebsd14") == ("freebsd", "plain")


def test_runtime_is_chosen_by_name() -> None:
    """A name makes its runtime; an unknown one is answered with those there are."""
    assert choose.choose("plain").name == "plain"
    with pytest.raises(BadArgument, match="there are .*plain"):
        choose.choose("jail")


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_a_group_keeps_those_together_that_nothing_else_does(private_dir: str) -> None:
    """Who left the session and lost his parents, and what an exec process left behind, end with the jail."""
    driver = Driver(PlainRuntime())
    if not read_host(Files()).hierarchies:
        pytest.skip("this host has no control groups that can be changed")
    held = driver.create(bare_config("setsid sh -c 'sleep 64 &'; echo up; exec sleep 64"), private_dir)
    driver.start(held.pid)
    driver.line(held.pid)
    joined, _ = driver.exec(held, shell("sleep 64 >/dev/null 2>&1 & :"))
    groups = recorded(held.undo)

    assert joined == 0
    assert len(groups) == 1
    # the init process, and both of its and the exec process's
    assert len(driver.runtime.processes(held)) == 3
    driver.end(held)

    assert driver.runtime.processes(held) == ()
    assert not os.path.exists(groups[0])
    PlainRuntime().remove(held)


class _Listened(Files):
    """The kernel, and what is written to its files."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, fd: int, data: bytes) -> int:  # type: ignore[override]
        self.written.append(bytes(data))
        return os.write(fd, data)


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_who_dies_at_once_is_not_stopped_before(private_dir: str) -> None:
    """A group whose killer is killed himself never looks paused, but where somebody forks faster than he kills."""
    driver = Driver(PlainRuntime())
    if not read_host(Files()).hierarchies:
        pytest.skip("this host has no control groups that can be changed")
    held = driver.create(bare_config("sleep 66 & echo up; exec sleep 66"), private_dir)
    driver.start(held.pid)
    driver.line(held.pid)
    kernel = _Listened()

    kill_all(kernel, recorded(held.undo))

    assert driver.runtime.processes(held) == ()
    assert kernel.written
    assert not {b"FROZEN", b"1"} & {each.strip() for each in kernel.written}
    driver.end(held)


def test_without_a_group_a_jail_is_a_session(private_dir: str) -> None:
    """Where no group can be made, nothing is left to undo."""
    driver = Driver(PlainRuntime(gathers=False))
    held = driver.create(bare_config("sleep 65"), private_dir)
    driver.start(held.pid)

    assert held.undo == ()
    assert driver.runtime.processes(held) == (held.pid,)
    driver.end(held)
