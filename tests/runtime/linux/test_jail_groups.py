"""Real jails in control groups, of whichever version this machine has for each controller."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runjd.errors import RunjdError, RuntimeFailure, Unsupported
from runjd.kernel import process as processes
from runjd.kernel.linux import LinuxKernel
from runjd.runtime.contract import Held, Undo
from runjd.runtime.linux.cgroup import living
from runjd.runtime.linux.cgroup.files import read_host
from runjd.runtime.linux.cgroup.frozen import is_frozen
from runjd.runtime.linux.cgroup.hierarchies import BESIDE, group_directory
from runjd.runtime.linux.cgroup.record import GROUPS, recorded
from runjd.runtime.linux.runtime import LinuxRuntime
from runjd.spec.model import Capabilities, Namespace
from tests.runtime.driver import KEPT, STANDARD_NAMESPACES, Driver, config, shell

pytestmark = pytest.mark.root

TOP = f"/runjd-test-{os.getpid()}"
PATH = f"{TOP}/web"
SHARED_PIDS = tuple(each for each in STANDARD_NAMESPACES if each.type != "pid")


@pytest.fixture(autouse=True)
def no_group_is_left() -> Iterator[None]:
    """See that there are control groups at all, and that none of ours is there in the end."""
    if not read_host(LinuxKernel()).hierarchies:
        pytest.skip("this host has no control groups mounted")

    yield

    left = [each.mount + TOP for each in read_host(LinuxKernel()).hierarchies if os.path.exists(each.mount + TOP)]
    assert left == []


def directory(controller: str, path: str = PATH) -> str:
    """Return the directory of the jail's group; skips where this machine lacks the controller."""
    hierarchy = read_host(LinuxKernel()).of(controller)
    if hierarchy is None:
        pytest.skip(f"this host has no control groups with the controller {controller}")
    return group_directory(hierarchy, path, "testjail")


def limited(script: str, path: str = PATH, **options: Any) -> Any:
    """Return a configuration with limits; ``linux`` are changes of that object, the others of resources."""
    linux = options.pop("linux", {})
    process = options.pop("process", {})
    return config(
        script, process=process, linux={"cgroups_path": path, "resources": options} | linux, hostname=""
    )._replace(hostname="")


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)


def content(path: str) -> str:
    with open(path) as file:
        return file.read().strip()


def test_jail_is_in_its_groups_before_it_starts(driver: Driver, bundle: str) -> None:
    """Init is in a group of each hierarchy while it waits, and its limits are there."""
    group = directory("pids")
    held = driver.create(limited("exit 0", pids={"limit": 33}), bundle)

    assert content(f"{group}/pids.max") == "33"
    for each in read_host(LinuxKernel()).hierarchies:
        assert content(f"{each.mount}{PATH}/cgroup.procs") == str(held.pid)
    driver.end(held)


def test_jail_sees_no_group_but_its_own(driver: Driver, bundle: str) -> None:
    """With a cgroup namespace every path is the root, for exec processes, too."""
    held = driver.create(limited("echo up; sleep 60"), bundle)
    driver.start(held.pid)
    driver.line(held.pid)

    output = driver.exec(held, shell("cat /proc/self/cgroup; cat /proc/1/cgroup"))[1]

    assert {line.split(":", 2)[2] for line in output.splitlines()} == {"/"}
    driver.end(held)


def test_exec_process_joins_the_groups(driver: Driver, bundle: str) -> None:
    """Whoever is executed in a jail is in its groups."""
    shared = {"namespaces": tuple(each for each in STANDARD_NAMESPACES if each.type != "cgroup")}
    held = driver.create(limited("echo up; sleep 60", linux=shared), bundle)
    driver.start(held.pid)
    driver.line(held.pid)

    output = driver.exec(held, shell("cat /proc/self/cgroup"))[1]

    assert {line.split(":", 2)[2] for line in output.splitlines()} == {PATH}
    driver.end(held)


def test_fork_bomb_ends_at_its_limit(driver: Driver, bundle: str) -> None:
    """A limit of processes holds, and removing the jail kills the bomb."""
    group = directory("pids")
    bomb = "bomb() { bomb | bomb & }; echo up; bomb; while :; do sleep 1; done"
    for namespaces in (STANDARD_NAMESPACES, SHARED_PIDS):
        held = driver.create(limited(bomb, pids={"limit": 40}, linux={"namespaces": namespaces}), bundle)
        driver.start(held.pid)
        driver.line(held.pid)
        until(lambda: int(content(f"{group}/pids.events").split()[1]) > 0)

        driver.end(held)

        assert not os.path.exists(group)


def test_device_without_a_rule_cannot_be_opened(driver: Driver, bundle: str) -> None:
    """CAP_MKNOD makes a device file, and no more; the devices of every jail are there."""
    rights = (*KEPT, "CAP_MKNOD")
    process = {"capabilities": Capabilities(rights, rights, (), rights, ())}
    script = (
        "mknod /dev/memory c 1 1 && { head -c 1 /dev/memory >/dev/null 2>&1 || echo refused; };"
        "head -c 4 /dev/zero | wc -c; echo x >/dev/null && echo null; head -c 1 /dev/urandom | wc -c"
    )
    rules = [{"allow": False, "access": "rwm"}]

    status, output = driver.run(limited(script, devices=rules, process=process), bundle)

    assert (status, output.split()) == (0, ["refused", "4", "null", "1"])


def test_device_with_a_rule_can_be_opened(driver: Driver, bundle: str) -> None:
    """Rules count in their order."""
    rights = (*KEPT, "CAP_MKNOD")
    process = {"capabilities": Capabilities(rights, rights, (), rights, ())}
    script = "mknod /dev/kmessage c 1 11 && : >/dev/kmessage && echo opened"
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}]

    assert driver.run(limited(script, devices=rules, process=process), bundle) == (0, "opened\n")


def test_memory_is_limited(driver: Driver, bundle: str) -> None:
    """A program that wants more than its memory is killed."""
    directory("memory")
    script = "(head -c 200000000 /dev/zero | tail -c 190000000 >/dev/null) || true; dmesg >/dev/null 2>&1; exit 5"
    held = driver.create(limited(script, memory={"limit": 30 << 20}), bundle)
    driver.start(held.pid)
    driver.finish(held.pid)
    group = directory("memory")
    old = f"{group}/memory.oom_control"
    events = content(old if os.path.exists(old) else f"{group}/memory.events")

    assert dict(line.split() for line in events.splitlines())["oom_kill"] != "0"
    driver.end(held)


def test_nested_groups_are_removed(driver: Driver, bundle: str) -> None:
    """Groups that were made below those of a jail go with it, with the processes in them."""
    group = directory("pids")
    held = driver.create(limited("echo up; sleep 60", linux={"namespaces": SHARED_PIDS}), bundle)
    driver.start(held.pid)
    driver.line(held.pid)
    os.makedirs(f"{group}/a/b")
    with open(f"{group}/a/b/cgroup.procs", "w") as file:
        file.write(str(held.pid))

    assert held.pid in driver.runtime.processes(held)
    driver.end(held)

    assert not os.path.exists(group)


def test_groups_deeper_than_a_path_are_removed(driver: Driver, bundle: str) -> None:
    """However deep a jail nests groups, they go with it."""
    group = directory("pids")
    held = driver.create(limited("echo up; sleep 60"), bundle)
    driver.start(held.pid)
    driver.line(held.pid)
    here = os.open(group, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("eight888", dir_fd=here)
        below = os.open("eight888", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    driver.end(held)

    assert not os.path.exists(group)


def test_group_in_use_is_refused(driver: Driver, bundle: str) -> None:
    """A second jail in the same groups is refused, and the first goes on."""
    first = driver.create(limited("echo up; sleep 60"), bundle, "first")
    driver.start(first.pid)
    driver.line(first.pid)

    for path in (PATH, TOP):
        with pytest.raises(RuntimeFailure, match="in use already") as caught:
            driver.create(limited("exit 0", path=path), bundle, "second")
        assert caught.value.path == "linux.cgroupsPath"

    assert first.pid in driver.runtime.processes(first)
    driver.end(first)


def test_empty_group_is_taken_over(driver: Driver, bundle: str) -> None:
    """What an earlier jail of the same path may have left is used, and removed in the end."""
    for each in read_host(LinuxKernel()).hierarchies:
        os.makedirs(each.mount + PATH)

    assert driver.run(limited("exit 3"), bundle)[0] == 3

    for each in read_host(LinuxKernel()).hierarchies:
        os.rmdir(each.mount + TOP)


@pytest.mark.parametrize("path", ["/", ".", "..", "/../.."])
def test_path_must_be_a_group_of_its_own(driver: Driver, bundle: str, path: str) -> None:
    """The group of somebody else is no place for a jail."""
    with pytest.raises(RunjdError) as caught:
        driver.create(limited("exit 0", path=path), bundle)

    assert caught.value.details["path"] == "linux.cgroupsPath"


def test_path_stays_below_the_mount_point(driver: Driver, bundle: str) -> None:
    """Dots lead nowhere."""
    output = driver.run(
        limited(
            "cat /proc/self/cgroup",
            path=f"/../../..{PATH}",
            linux={"namespaces": tuple(each for each in STANDARD_NAMESPACES if each.type != "cgroup")},
        ),
        bundle,
    )[1]

    assert {line.split(":", 2)[2] for line in output.splitlines()} == {PATH}


def test_relative_path_is_below_our_own_group(driver: Driver, bundle: str) -> None:
    """Without a path it is the id; both are below the group of who makes the jail, in version 2 beside it."""
    with open("/proc/self/cgroup") as file:
        own = {line.split(":", 2)[1]: line.rstrip().split(":", 2)[2].rstrip("/") for line in file}
    if own.get(""):
        own[""] += BESIDE
    shared = {"namespaces": tuple(each for each in STANDARD_NAMESPACES if each.type != "cgroup")}
    id = f"runjd-test-{os.getpid()}"
    for path, name in ((f"{id}/x", f"/{id}/x"), ("", f"/{id}")):
        held = driver.create(limited("cat /proc/self/cgroup", path=path, pids={"limit": 9}, linux=shared), bundle, id)
        driver.start(held.pid)
        output = driver.finish(held.pid)[1]
        driver.runtime.remove(held)

        found = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in output.splitlines()}
        assert found == {controllers: above + name for controllers, above in own.items()}


def test_refused_limit_leaves_nothing(driver: Driver, bundle: str) -> None:
    """Where the kernel refuses a value, the error names its JSON path, and no group is left."""
    directory("cpuset")
    with pytest.raises(RunjdError) as caught:
        driver.create(limited("exit 0", cpu={"cpus": "4000"}), bundle)

    assert caught.value.details["path"] == "linux.resources.cpu.cpus"


@pytest.mark.parametrize(
    ("path", "controller", "limits"),
    [("cpu.shares", "cpu", {"cpu": {"shares": 1}}), ("memory.kernel", "memory", {"memory": {"kernel": 20 << 20}})],
)
def test_what_the_kernel_makes_something_else_of_is_an_error(
    driver: Driver, bundle: str, path: str, controller: str, limits: dict[str, Any]
) -> None:
    """A limit that is taken without a word, and does not hold, is told."""
    hierarchy = read_host(LinuxKernel()).of(controller)
    if hierarchy is None or hierarchy.version == 2:
        pytest.skip(f"this host has no control groups of version 1 with the controller {controller}")

    with pytest.raises(Unsupported, match="the kernel made [0-9]+ of it") as caught:
        driver.create(limited("exit 0", **limits), bundle)

    assert caught.value.path == f"linux.resources.{path}"


def test_absent_controller_is_named(driver: Driver, bundle: str) -> None:
    """A limit whose controller this machine lacks is refused before anything is made."""
    if read_host(LinuxKernel()).of("rdma"):
        pytest.skip("this host has the controller rdma")

    with pytest.raises(Unsupported, match="controller rdma is not available") as caught:
        driver.create(limited("exit 0", rdma={"mlx5_1": {"hcaHandles": 3}}), bundle)

    assert caught.value.path == "linux.resources.rdma.mlx5_1"


def test_jail_without_limits_has_no_groups(driver: Driver, bundle: str) -> None:
    """Neither a path nor a limit: the jail stays in our groups, as groups of its own cost time."""
    with open("/proc/self/cgroup") as file:
        own = file.read()
    shared = {"namespaces": tuple(each for each in STANDARD_NAMESPACES if each.type != "cgroup")}

    assert driver.run(config("cat /proc/self/cgroup", linux=shared), bundle)[1] == own


def test_groups_of_another_boot_are_left_alone() -> None:
    """What has the name now is somebody else's."""
    hierarchy = read_host(LinuxKernel()).hierarchies[0]
    os.mkdir(hierarchy.mount + TOP)
    held = Held("a", 0, 0, "another boot", "", (Undo("cgroup", hierarchy.mount + TOP),))

    LinuxRuntime().remove(held)
    assert os.path.exists(hierarchy.mount + TOP)
    LinuxRuntime().remove(held._replace(boot_id=processes.boot_id()))

    assert not os.path.exists(hierarchy.mount + TOP)


def test_processes_without_a_pid_namespace_are_those_of_the_group(driver: Driver, bundle: str) -> None:
    """Where init is dead, the groups tell who is left, and they are signalled and killed."""
    namespaces = tuple(Namespace(each) for each in ("mount", "uts", "ipc", "network"))
    held = driver.create(limited("(sleep 60; :) & echo up", linux={"namespaces": namespaces}), bundle)
    driver.start(held.pid)
    driver.line(held.pid)
    os.waitid(os.P_PID, held.pid, os.WEXITED | os.WNOWAIT)

    assert driver.runtime.processes(held) != ()
    driver.end(held)
    assert driver.runtime.processes(held) == ()


class _Refusing(LinuxKernel):
    """The kernel, but that the second process cannot be moved."""

    moved = 0

    def write(self, fd: int, data: bytes) -> int:  # type: ignore[override]
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/cgroup.procs"):
            self.moved += 1
            if self.moved == 1 + len(read_host(LinuxKernel()).hierarchies):
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return os.write(fd, data)


def test_a_pause_that_fails_leaves_a_jail_where_it_was(driver: Driver, bundle: str) -> None:
    """Groups are made for the first pause; where not all processes can be moved there, none is, and the next can be."""
    held = driver.create(config("sleep 67 & echo up; exec sleep 67"), bundle)
    driver.start(held.pid)
    driver.line(held.pid)
    undo: list[Undo] = list(held.undo)
    members = driver.runtime.processes(held)
    before = [content(f"/proc/{pid}/cgroup") for pid in members]

    with pytest.raises(RunjdError, match="move process"):
        living.pause(_Refusing(), held, lambda: members, undo.append)

    made = [each for undone in undo if undone.action == GROUPS for each in undone.target.split("\n")]
    assert len(members) == 2
    assert [content(f"/proc/{pid}/cgroup") for pid in members] == before
    assert made
    assert not any(os.path.exists(each) for each in made)
    assert recorded(undo) == ()
    living.pause(LinuxKernel(), held._replace(undo=tuple(undo)), lambda: members, undo.append)
    assert is_frozen(undo)
    driver.end(held._replace(undo=tuple(undo)))
    assert not any(os.path.exists(each) for each in made)
