"""A host whose control groups are files in a temporary directory, of whichever version a test wants."""

from __future__ import annotations

import os
from typing import Any

from runjd.kernel.linux import LinuxKernel

MOUNT = "/sys/fs/cgroup"

#: what the kernel puts into a new group of version 2
FILES_2 = {
    "cgroup.controllers": "",
    "cgroup.subtree_control": "",
    "cgroup.procs": "",
    "cgroup.freeze": "0",
    "cgroup.events": "populated 0\nfrozen 0",
    "cpu.stat": "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000",
}
CONTROLLED_2 = {
    "cpu": {"cpu.weight": "100", "cpu.max": "max 100000", "cpu.max.burst": "0", "cpu.idle": "0"},
    "cpuset": {"cpuset.cpus": "", "cpuset.mems": "", "cpuset.cpus.effective": "0-1", "cpuset.mems.effective": "0"},
    "io": {"io.max": "", "io.weight": "default 100", "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0"},
    "memory": {
        "memory.max": "max",
        "memory.low": "0",
        "memory.current": "4096",
        "memory.swap.max": "max",
        "memory.swap.current": "0",
        "memory.stat": "anon 2048\nfile 1024",
        "memory.events": "low 0\nmax 3\noom 0\noom_kill 0",
    },
    "pids": {"pids.max": "max", "pids.current": "1"},
    "hugetlb": {"hugetlb.2MB.max": "max", "hugetlb.2MB.current": "0"},
}


class FakeHost(LinuxKernel):
    """
    A kernel of version 2 alone.

    :param directory: private, absolute.
    :param controllers: that the host has.
    :ivar done: system calls that are more than files: programs that were attached.
    """

    def __init__(self, directory: str, controllers: tuple[str, ...] = tuple(CONTROLLED_2)) -> None:
        self._directory = directory
        self._controllers = controllers
        self.done: list[tuple[str, str]] = []
        os.makedirs(directory + MOUNT)
        os.makedirs(f"{directory}/proc/self")
        self._fill(directory + MOUNT, controllers)
        self._write("/proc/self/cgroup", "0::/own.slice\n")
        self._write("/proc/self/mountinfo", f"30 1 0:1 / {MOUNT} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n")
        self.mkdir(f"{MOUNT}/own.slice", 0o755)

    def content(self, path: str) -> str:
        """Return what a file of a group says."""
        with open(f"{self._directory}{MOUNT}/{path}") as file:
            return file.read()

    def groups(self) -> list[str]:
        """Return all groups, but those that are always there."""
        found = [os.path.relpath(each, self._directory + MOUNT) for each, _, _ in os.walk(self._directory + MOUNT)]
        return sorted(set(found) - {".", "own.slice"})

    def open(self, path: str, flags: int, mode: int = 0o777, **more: Any) -> int:  # type: ignore[override]
        return os.open(self._real(path), flags, mode, **more)

    def stat(self, path: str, **more: Any) -> os.stat_result:  # type: ignore[override]
        return os.stat(self._real(path), **more)

    def listdir(self, path: str) -> list[str]:  # type: ignore[override]
        return os.listdir(self._real(path))

    def mkdir(self, path: str, mode: int = 0o777, **more: Any) -> None:  # type: ignore[override]
        real = self._real(path)
        os.mkdir(real, mode)
        with open(f"{os.path.dirname(real)}/cgroup.subtree_control") as file:
            self._fill(real, tuple(file.read().replace("+", "").split()))

    def write(self, descriptor: int, data: bytes) -> int:  # type: ignore[override]
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if name.endswith("cgroup.subtree_control"):
            with open(name, "a") as file:
                file.write(data.decode() + " ")
            self._enable(os.path.dirname(name), data.decode()[1:])
        else:
            os.truncate(name, 0)
            os.write(descriptor, data)
            if name.endswith("cgroup.freeze"):
                self._write(f"{name.removeprefix(self._directory)[:-6]}events", f"populated 1\nfrozen {data.decode()}")
        return len(data)

    def rmdir(self, path: str, **more: Any) -> None:  # type: ignore[override]
        real = self._real(path)
        if any(os.path.isdir(f"{real}/{each}") for each in os.listdir(real)):
            raise OSError(16, "Device or resource busy", path)
        for each in os.listdir(real):
            os.unlink(f"{real}/{each}")
        os.rmdir(real)

    def load_device_program(self, instructions: bytes) -> int:  # type: ignore[override]
        self.done.append(("load", str(len(instructions) // 8)))
        return os.open("/dev/null", os.O_RDONLY)

    def attach_device_program(self, group: int, program: int) -> None:  # type: ignore[override]
        self.done.append(("attach", os.readlink(f"/proc/self/fd/{group}").removeprefix(self._directory)))

    def _enable(self, group: str, controller: str) -> None:
        for each in os.listdir(group):
            if os.path.isdir(f"{group}/{each}"):
                for name, text in CONTROLLED_2[controller].items():
                    if not os.path.exists(f"{group}/{each}/{name}"):
                        self._write(f"{group}/{each}/{name}".removeprefix(self._directory), text)

    def _fill(self, real: str, controllers: tuple[str, ...]) -> None:
        files = dict(FILES_2) | {"cgroup.controllers": " ".join(controllers)}
        for each in controllers:
            files |= CONTROLLED_2[each]
        for name, text in files.items():
            self._write(f"{real}/{name}".removeprefix(self._directory), text)

    def _write(self, path: str, text: str) -> None:
        with open(self._directory + path, "w") as file:
            file.write(text)

    def _real(self, path: str) -> str:
        return self._directory + path if path.startswith((MOUNT, "/proc/self/")) else path
