"""
Control groups of version 2 alone, as the kernel of this machine has them, whatever is mounted on it.

Each command runs in a mount namespace of its own in which nothing else is mounted at
/sys/fs/cgroup.  Controllers that version 1 uses on this machine are absent there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.container.jails import Jails, until
from tests.functional.runj.command import Runj

pytestmark = [pytest.mark.root, pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare(1)")]

TOP = f"/runjd-v2-{os.getpid()}"
_ALONE = (
    "for each in $(awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts); do umount -l \"$each\"; done;"
    'umount -l /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
)
#: the command is in a group of its own, as it is in a service or a session of systemd
_IN_A_GROUP = f'mkdir -p "/sys/fs/cgroup{TOP}" && echo $$ >"/sys/fs/cgroup{TOP}/cgroup.procs" && exec "$@"'
DENY_ALL = {"allow": False, "access": "rwm"}


class Alone(Runj):
    """The command where there is version 2 only."""

    def argv(self, *words: str) -> list[str]:
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ALONE, "sh", *super().argv(*words)]


class Grouped(Alone):
    """The command where there is version 2 only, and it is in a group that has processes."""

    def argv(self, *words: str) -> list[str]:
        alone = super().argv(*words)
        inside = len(alone) - len(Runj.argv(self, *words))
        return [*alone[:inside], "sh", "-c", _IN_A_GROUP, "sh", *alone[inside:]]


@pytest.fixture
def mount() -> Iterator[str]:
    """Return where version 2 is mounted, and leave its controllers as they were."""
    with open("/proc/mounts") as file:
        found = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
    if not found:
        pytest.skip("this kernel has no control groups of version 2 mounted")
    with open(f"{found[0]}/cgroup.subtree_control") as enabled:
        before = set(enabled.read().split())

    yield found[0]

    with open(f"{found[0]}/cgroup.subtree_control") as enabled:
        more = set(enabled.read().split()) - before
    for each in more:
        try:
            with open(f"{found[0]}/cgroup.subtree_control", "w") as enabled:
                enabled.write(f"-{each}")
        except OSError:
            # somebody uses it by now
            continue


@pytest.fixture
def runj(private_dir: str, mount: str) -> Iterator[Runj]:
    jails = Jails(private_dir, "linux")
    made = Alone(jails)
    yield made
    for each in jails.operations.list():
        made.ok("delete", "--force", each.id)
    jails.finish()
    assert not os.path.exists(mount + TOP)


def run(runj: Runj, script: str, *, rights: tuple[str, ...] = ("CAP_KILL",), **resources: Any) -> str:
    """Start a container named web that runs a script; return its bundle."""
    config = runj.jails.config(["sh", "-c", script])
    process = config["process"]
    assert isinstance(process, dict)
    process["capabilities"] = {name: list(rights) for name in ("bounding", "effective", "permitted")}
    assert isinstance(config["linux"], dict)
    config["linux"] |= {"cgroupsPath": f"{TOP}/web", "resources": resources}
    bundle = runj.jails.write(config)
    runj.ok("create", "--bundle", bundle, "web")
    runj.ok("start", "web")
    return bundle


def test_a_program_decides_about_devices(runj: Runj) -> None:
    """A device without a rule cannot be opened, one with a rule for what it allows, and the usual ones always."""
    rules = [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}]
    script = (
        "cd /dev; busybox mknod memory c 1 1; busybox mknod log c 1 11;"
        "{ true <memory; } 2>/dev/null || echo refused; true >log && echo written;"
        "{ true <log; } 2>/dev/null || echo unread;"
        "busybox head -c 4 zero >null && true >random && echo usual"
    )
    rights = ("CAP_MKNOD",)
    bundle = run(runj, f"({script}) >/tmp/said 2>&1; sleep 60", rights=rights, devices=rules)

    def said() -> str:
        with open(f"{bundle}/rootfs/tmp/said") as file:
            return file.read()

    until(lambda: "usual" in said(), "it has tried")
    assert said().split() == ["refused", "written", "unread", "usual"]


def test_paused_and_ended(runj: Runj, mount: str) -> None:
    """cgroup.freeze stops the container, and it can be killed and deleted meanwhile."""
    run(runj, "trap 'exit 3' TERM; while :; do sleep 0.01; done", devices=[DENY_ALL])

    runj.ok("pause", "web")
    assert runj.state("web")["status"] == "paused"
    with open(f"{mount}{TOP}/web/cgroup.events") as file:
        assert "frozen 1" in file.read()
    runj.ok("kill", "web", "TERM")
    assert runj.state("web")["status"] == "paused"
    runj.ok("resume", "web")
    until(lambda: runj.state("web")["status"] == "stopped", "it takes the signal")
    runj.ok("delete", "web")

    run(runj, "sleep 60", devices=[DENY_ALL])
    runj.ok("pause", "web")
    runj.ok("kill", "web", "KILL")
    until(lambda: runj.state("web")["status"] == "stopped", "it is killed")


def test_exec_follows_init_into_its_own_group(runj: Runj, mount: str) -> None:
    """Where a container has handed controllers down, its group takes no process any more, but that of init does."""
    run(runj, "sleep 60", devices=[DENY_ALL])
    with open(f"{mount}{TOP}/web/cgroup.controllers") as file:
        controllers = file.read().split()
    if not controllers:
        pytest.skip("this machine has no controller in version 2")
    os.mkdir(f"{mount}{TOP}/web/init")
    with open(f"{mount}{TOP}/web/init/cgroup.procs", "w") as procs:
        procs.write(str(runj.state("web")["pid"]))
    with open(f"{mount}{TOP}/web/cgroup.subtree_control", "w") as enabled:
        enabled.write(f"+{controllers[0]}")

    lines = runj.ok("exec", "web", "cat", "/proc/self/cgroup").splitlines()

    assert [line for line in lines if line.startswith("0::")] == ["0::/init"]


def test_limits_of_version_2(runj: Runj, mount: str) -> None:
    """Files can be named by ``unified``; huge pages are limited where this machine has them; the rest is refused."""
    with open(f"{mount}/cgroup.controllers") as file:
        controllers = file.read().split()
    limits: dict[str, Any] = {"unified": {"cgroup.max.depth": "5"}}
    if "hugetlb" in controllers and os.path.isdir("/sys/kernel/mm/hugepages/hugepages-2048kB"):
        limits["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]

    run(runj, "sleep 60", **limits)

    for name, value in (("cgroup.max.depth", "5"), ("hugetlb.2MB.max", str(4 << 20))):
        if name.startswith("cgroup") or "hugepageLimits" in limits:
            with open(f"{mount}{TOP}/web/{name}") as file:
                assert file.read().strip() == value
    stats = json.loads(runj.ok("events", "--stats", "web"))["data"]
    assert stats["cpu"]["usage"]["total"] > 0
    if "pids" not in controllers:
        assert "the controller pids is not available" in runj.fails("update", "--pids-limit", "5", "web")


def test_groups_are_beside_a_group_with_processes(runj: Runj, mount: str) -> None:
    """
    As in a service of systemd: without a path the container has every controller, and the service hands none on.

    If it did, systemd could start nothing more in it.
    """
    with open(f"{mount}/cgroup.controllers") as file:
        controllers = set(file.read().split())
    grouped = Grouped(runj.jails)
    config = runj.jails.config(["sh", "-c", "sleep 60"])
    assert isinstance(config["linux"], dict)
    config["linux"]["resources"] = {"unified": {"cgroup.max.depth": "5"}}
    grouped.ok("create", "--bundle", runj.jails.write(config), "web")
    grouped.ok("start", "web")
    try:
        with open(f"{mount}{TOP}.jails/web/cgroup.controllers") as file:
            assert set(file.read().split()) == controllers
        with open(f"{mount}{TOP}/cgroup.subtree_control") as file:
            assert file.read().split() == []
        grouped.ok("pause", "web")
        assert grouped.state("web")["status"] == "paused"
        grouped.ok("delete", "--force", "web")
        assert not os.path.exists(f"{mount}{TOP}.jails")
    finally:
        os.rmdir(f"{mount}{TOP}")
