"""
What version 1 of control groups counts, in the form of runc's statistics.

Documentation/admin-guide/cgroup-v1.  A reader fills in what its files say, and does
nothing in a hierarchy where they are absent.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

#: nanoseconds in a tick of cpuacct.stat, which counts in USER_HZ
_TICK = 10_000_000
_THROTTLING = (("nr_periods", "periods"), ("nr_throttled", "throttledPeriods"), ("throttled_time", "throttledTime"))
_CPUSET_FLAGS = (
    "cpu_exclusive",
    "mem_hardwall",
    "mem_exclusive",
    "memory_migrate",
    "memory_spread_page",
    "memory_spread_slab",
    "memory_pressure",
    "sched_load_balance",
    "sched_relax_domain_level",
)
_BLOCK_FILES = (
    ("ioServiceBytesRecursive", "blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"),
    ("ioServicedRecursive", "blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive"),
)


def cpu(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Time on the processors, in nanoseconds, and how often the quota was used up."""
    throttled = pairs(read("cpu.stat"))
    for name, key in _THROTTLING:
        if throttled.get(name):
            made["cpu"]["throttling"][key] = throttled[name]
    total = read("cpuacct.usage")
    if not total:
        return
    ticks = pairs(read("cpuacct.stat"))
    usage = {
        "total": int(total),
        "percpu": numbers(read("cpuacct.usage_percpu")),
        "percpu_kernel": numbers(read("cpuacct.usage_percpu_sys")),
        "percpu_user": numbers(read("cpuacct.usage_percpu_user")),
        "kernel": ticks.get("system", 0) * _TICK,
        "user": ticks.get("user", 0) * _TICK,
    }
    made["cpu"]["usage"] = {name: value for name, value in usage.items() if value or name in ("kernel", "user")}


def cpuset(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Which processors and nodes."""
    if not read("cpuset.mem_hardwall"):
        return
    found: dict[str, object] = {name: ranged(read(f"cpuset.{name}")) for name in ("cpus", "mems")}
    made["cpuset"] = {name: value for name, value in found.items() if value} | {
        name: int(read(f"cpuset.{name}") or 0) for name in _CPUSET_FLAGS
    }


def memory(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Memory, memory and swap, that of the kernel and of its sockets, in bytes."""
    if not read("memory.usage_in_bytes"):
        return
    raw = pairs(read("memory.stat"))
    found: dict[str, object] = {"cache": raw["cache"]} if raw.get("cache") else {}
    for name, stem in (("usage", ""), ("swap", "memsw."), ("kernel", "kmem."), ("kernelTCP", "kmem.tcp.")):
        limit = read(f"memory.{stem}limit_in_bytes")
        if limit:
            entry = {"limit": int(limit), "failcnt": int(read(f"memory.{stem}failcnt") or 0)}
            for key, file in (("usage", "usage_in_bytes"), ("max", "max_usage_in_bytes")):
                value = int(read(f"memory.{stem}{file}") or 0)
                if value:
                    entry[key] = value
            found[name] = entry
    made["memory"] = found | {"raw": raw}


def pids(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Processes and threads; the same in both versions."""
    for key, file in (("current", "pids.current"), ("limit", "pids.max")):
        text = read(file)
        if text and text not in ("0", "max"):
            made["pids"][key] = int(text)


def block_io(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """What was read from and written to block devices."""
    for key, *files in _BLOCK_FILES:
        entries = next((found for file in files if (found := block_entries(read(file)))), [])
        if entries:
            made["blkio"][key] = entries


def block_entries(text: str) -> list[dict[str, object]]:
    """Return the lines that name a device: ``8:0 Read 4096``."""
    entries = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and ":" in words[0]:
            major, _, minor = words[0].partition(":")
            entry: dict[str, object] = {"major": int(major), "minor": int(minor), "op": words[1]}
            entry["value"] = int(words[2])
            entries.append({name: value for name, value in entry.items() if value})
    return entries


def pairs(text: str) -> dict[str, int]:
    """Return lines of a name and a number."""
    found = {}
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if number.isdecimal():
            found[name] = int(number)
    return found


def numbers(text: str) -> list[int]:
    """Return numbers that stand in a line."""
    return [int(word) for word in text.split() if word.isdecimal()]


def ranged(text: str) -> list[int]:
    """Return the numbers of ``0-2,5``."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal():
            found.extend(range(int(first), int(last or first) + 1))
    return found


READERS: Sequence[Callable[[dict[str, Any], Callable[[str], str]], None]] = (cpu, cpuset, memory, pids, block_io)
