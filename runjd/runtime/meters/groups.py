"""
What the control groups of one jail count, of version 1 or 2; None for what none of them does.

Documentation/admin-guide/cgroup-v1 and cgroup-v2.  Only what changes all the time is
read: four files of each jail, where the whole statistics of runc take twenty.
"""

from __future__ import annotations

from runjd.runtime.linux.cgroup.files import read_file
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Counts(Value):
    """What groups count: seconds and bytes, see :class:`runjd.policy.usage.Usage`."""

    cpu: float | None = None
    memory: int | None = None
    processes: int | None = None
    read: int | None = None
    written: int | None = None


def count(kernel: Any, directories: Sequence[str]) -> Counts:
    """
    Return what the groups of one jail count.

    :param kernel: a :class:`runjd.kernel.files.Files`.
    """
    found: dict[str, Any] = {}
    for directory in directories:
        for name, keep in _FILES:
            try:
                text = read_file(kernel, f"{directory}/{name}")
            except OSError:
                continue
            try:
                keep(found, text)
            except (ValueError, IndexError):
                # of a kernel that says something else there
                continue
    return Counts(**found)


def killed_for_memory(kernel: Any, directories: Sequence[str]) -> bool | None:
    """Whether the kernel killed a process of the groups for want of memory; None where no group counts that."""
    for directory in directories:
        for name in ("memory.events", "memory.oom_control"):
            try:
                text = read_file(kernel, f"{directory}/{name}")
            except OSError:
                continue
            for line in text.splitlines():
                word, _, number = line.partition(" ")
                if word == "oom_kill":
                    return number.strip() not in ("", "0")
    return None


def _cpu(found: dict[str, Any], text: str) -> None:
    word, number = text.split(None, 2)[:2]
    if word == "usage_usec":
        found["cpu"] = int(number) / 1e6


def _cpu_1(found: dict[str, Any], text: str) -> None:
    found["cpu"] = int(text) / 1e9


def _memory(found: dict[str, Any], text: str) -> None:
    found["memory"] = int(text)


def _processes(found: dict[str, Any], text: str) -> None:
    found["processes"] = int(text)


def _disks(found: dict[str, Any], text: str) -> None:
    _add(found, [word.split("=") for line in text.splitlines() for word in line.split()[1:]], "rbytes", "wbytes")


def _disks_1(found: dict[str, Any], text: str) -> None:
    _add(found, [line.split()[1:] for line in text.splitlines() if line.count(" ") == 2], "Read", "Write")


def _add(found: dict[str, Any], pairs: list[list[str]], read: str, write: str) -> None:
    for name, word in (("read", read), ("written", write)):
        found[name] = sum(int(pair[1]) for pair in pairs if pair[0] == word)


_FILES: tuple[tuple[str, Callable[[dict[str, Any], str], None]], ...] = (
    ("cpuacct.usage", _cpu_1),
    ("memory.usage_in_bytes", _memory),
    ("blkio.throttle.io_service_bytes", _disks_1),
    ("cpu.stat", _cpu),
    ("memory.current", _memory),
    ("io.stat", _disks),
    ("pids.current", _processes),
)
