"""What runj and runc write into control groups for the same limits, side by side on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.container.jails import Jails
from tests.functional.runj.command import Runj

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not shutil.which("runc"), reason="needs runc to compare with"),
]

TOP = f"/runjd-like-{os.getpid()}"
#: what is counted, or told by the kernel; all other files of a group are settings
COUNTED = (
    "cgroup.procs", "cgroup.events", "cgroup.stat", "cgroup.threads", "cgroup.pressure", "tasks", "cpu.stat",
    "cpu.stat.local", "cpuacct.", "memory.stat", "memory.numa_stat", "memory.usage_in_bytes", "memory.max_usage",
    "memory.memsw.usage", "memory.memsw.max_usage", "memory.kmem.usage", "memory.kmem.max_usage", "memory.kmem.slab",
    "memory.kmem.tcp.usage", "memory.kmem.tcp.max_usage", "memory.pressure", "memory.oom_control", "memory.events",
    "pids.current", "pids.peak", "pids.events", "blkio.throttle.io", "blkio.bfq.io", "cpu.pressure", "io.pressure",
    "irq.pressure", "memory.current", "memory.peak", "freezer.", "memory.failcnt", "memory.memsw.failcnt",
)  # fmt: skip
#: /dev/net/tun, which runc allows up to 1.1, and no longer since
TUN = "c 10:200 rwm"
DENY_ALL = {"allow": False, "access": "rwm"}


@pytest.fixture
def linux(private_dir: str) -> Iterator[Runj]:
    jails = Jails(private_dir, "linux")
    yield Runj(jails)
    jails.finish()
    for root, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if root.endswith(TOP):
            os.rmdir(root)


def settings(name: str) -> dict[str, str]:
    """Return the files of the groups of a container that are settings."""
    found = {}
    for root, _, files in os.walk("/sys/fs/cgroup"):
        if root.endswith(f"{TOP}/{name}"):
            for file in files:
                if not file.startswith(COUNTED):
                    found[file] = "\n".join(sorted(_read(f"{root}/{file}").split("\n")))
    if "devices.list" in found:
        found["devices.list"] = "\n".join(line for line in found["devices.list"].split("\n") if line != TUN)
    return found


def runc(linux: Runj, *words: str, input: str = "") -> bool:
    """Run runc with a state directory of its own; return whether it succeeded."""
    argv = ["runc", "--root", f"{linux.directory}/runc", *words]
    with open(f"{linux.directory}/said", "w") as said:
        done = subprocess.run(argv, input=input, text=True, stdout=said, stderr=said, timeout=20, check=False)
    return done.returncode == 0


def bundle(linux: Runj, name: str, resources: dict[str, Any]) -> str:
    config = linux.jails.config(["sleep", "60"])
    config["ociVersion"] = "1.0.2"
    assert isinstance(config["linux"], dict)
    config["linux"] |= {"cgroupsPath": f"{TOP}/{name}", "resources": {"devices": [DENY_ALL]} | resources}
    return linux.jails.write(config)


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"pids": {"limit": 77}},
        {"pids": {"limit": -1}},
        {"pids": {"limit": 0}},
        {"memory": {"limit": 64 << 20}},
        {"memory": {"limit": 64 << 20, "swap": 128 << 20, "reservation": 32 << 20}},
        {"memory": {"limit": 64 << 20, "swap": -1}},
        {"memory": {"limit": -1}},
        {"memory": {"limit": 64 << 20, "swap": 32 << 20}},
        {"memory": {"swap": 128 << 20}},
        {"memory": {"swappiness": 10}},
        {"memory": {"swappiness": 0}},
        {"memory": {"limit": 64 << 20, "disableOOMKiller": True}},
        {"cpu": {"shares": 512}},
        {"cpu": {"shares": 1}},
        {"cpu": {"quota": 20000}},
        {"cpu": {"quota": 20000, "period": 50000}},
        {"cpu": {"period": 50000}},
        {"cpu": {"quota": -1, "period": 0}},
        {"cpu": {"quota": 10}},
        {"cpu": {"cpus": "0", "mems": "0"}},
        {"cpu": {"cpus": "0-1"}},
        {"cpu": {"cpus": "700"}},
        {"blockIO": {"weight": 500}},
        {"blockIO": {"throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 1 << 20}]}},
        {"blockIO": {"throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 100}]}},
        {"network": {"classID": 0x100001}},
        {"devices": [DENY_ALL, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]},
        {"devices": [DENY_ALL, {"allow": True, "type": "b", "access": "r"}]},
        {"devices": [{"allow": True, "access": "rwm"}]},
        {"devices": [{"allow": True}]},
        {"devices": [{"allow": True, "access": "rwm"}, {"allow": False, "type": "c", "major": 1, "access": "w"}]},
        {"devices": []},
    ],
    ids=lambda resources: json.dumps(resources)[1:50],
)
def test_the_same_is_written(linux: Runj, resources: dict[str, Any]) -> None:
    """Either both refuse the limits, or all settings of both groups are the same."""
    ours = linux("create", "--bundle", bundle(linux, "runj", resources), "runj").returncode == 0
    theirs = runc(linux, "create", "--bundle", bundle(linux, "runc", resources), "runc")
    written = settings("runj"), settings("runc")
    runc(linux, "delete", "--force", "runc")

    assert ours == theirs
    assert written[0] == written[1]
    assert bool(written[0]) is ours


@pytest.mark.parametrize(
    "changes",
    [
        {"memory": {"limit": 256 << 20, "swap": 512 << 20}},
        {"memory": {"limit": 32 << 20, "swap": 32 << 20}},
        {"memory": {"limit": -1}},
        {"memory": {"limit": 256 << 20}},
        {"memory": {"reservation": 16 << 20}},
        {"cpu": {"shares": 0, "quota": 30000}},
        {"cpu": {"quota": 2000, "period": 2000}},
        {"cpu": {"quota": -1}},
        {"cpu": {"cpus": "1"}},
        {"pids": {"limit": -1}},
        {"pids": {"limit": 5}, "cpu": {"shares": 300}},
    ],
    ids=lambda changes: json.dumps(changes)[1:50],
)
def test_the_same_is_updated(linux: Runj, changes: dict[str, Any]) -> None:
    """An update of the same container refuses, or writes, the same."""
    before = {
        "memory": {"limit": 64 << 20, "swap": 128 << 20},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
        "pids": {"limit": 20},
    }
    linux.ok("create", "--bundle", bundle(linux, "runj", before), "runj")
    assert runc(linux, "create", "--bundle", bundle(linux, "runc", before), "runc")

    ours = linux("update", "--resources", "-", "runj", input=json.dumps(changes)).returncode == 0
    theirs = runc(linux, "update", "--resources", "-", "runc", input=json.dumps(changes))
    written = settings("runj"), settings("runc")
    runc(linux, "delete", "--force", "runc")

    assert ours == theirs
    assert written[0] == written[1]


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
