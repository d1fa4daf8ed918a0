"""
What a jail uses, in the form of runc's statistics, which engines and exporters read.

Version 1 and 2 count in files of different names and units; what a version does
not count is left out or 0.
"""

from __future__ import annotations

import os

from runjd.runtime.linux.cgroup.files import exists, read_file
from runjd.runtime.linux.cgroup.usage1 import READERS as READERS_1
from runjd.runtime.linux.cgroup.usage2 import READERS as READERS_2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_TICKS = "SC_CLK_TCK"


def usage(kernel: Any, directories: Sequence[str], pids: Sequence[int]) -> dict[str, object]:
    """
    Return the statistics as JSON values.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param directories: of the jail's groups; without any, its processes that live now are counted one by one.
    :param pids: its processes.
    """
    made: dict[str, Any] = {
        "cpu": {"usage": {"kernel": 0, "user": 0}, "throttling": {}},
        "cpuset": {},
        "memory": {},
        "pids": {},
        "blkio": {},
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
    }
    if not directories:
        _count(kernel, made, pids)
    for directory in directories:
        read = _reader(kernel, directory)
        readers = READERS_2 if exists(kernel, f"{directory}/cgroup.controllers") else READERS_1
        for each in readers:
            each(made, read)
        if readers is READERS_1:
            _add_hugepages(kernel, directory, made, read, ".usage_in_bytes", ".max_usage_in_bytes")
        else:
            _add_hugepages(kernel, directory, made, read, ".current", "")
    return made


def _reader(kernel: Any, directory: str) -> Callable[[str], str]:
    """Return what reads a file of a group, empty where it is absent."""

    def read(name: str) -> str:
        try:
            return read_file(kernel, f"{directory}/{name}").strip()
        except OSError:
            return ""

    return read


def _add_hugepages(
    kernel: Any, directory: str, made: dict[str, Any], read: Callable[[str], str], current: str, most: str
) -> None:
    for name in kernel.listdir(directory):
        size = name.removeprefix("hugetlb.").removesuffix(current)
        if not name.startswith("hugetlb.") or not name.endswith(current) or "." in size:
            continue
        entry = {"failcnt": int(read(f"hugetlb.{size}.failcnt") or 0)}
        for key, text in (("usage", read(name)), ("max", read(f"hugetlb.{size}{most}") if most else "")):
            if text and text != "0":
                entry[key] = int(text)
        made["hugetlb"][size] = entry


def _count(kernel: Any, made: dict[str, Any], pids: Sequence[int]) -> None:
    """Add up processor and memory of processes (proc_pid_stat(5)): less than a group knows, but true."""
    user = system = pages = alive = 0
    for pid in pids:
        try:
            fields = read_file(kernel, f"/proc/{pid}/stat").rpartition(")")[2].split()
        except OSError:
            continue
        user, system = user + int(fields[11]), system + int(fields[12])
        pages, alive = pages + int(fields[21]), alive + 1
    tick = 10**9 // os.sysconf(_TICKS)
    made["cpu"]["usage"] = {"total": (user + system) * tick, "kernel": system * tick, "user": user * tick}
    made["memory"]["usage"] = {"limit": 0, "usage": pages * os.sysconf("SC_PAGE_SIZE"), "failcnt": 0}
    made["pids"]["current"] = alive
