"""
What version 2 of control groups counts, in the form of runc's statistics.

Documentation/admin-guide/cgroup-v2.  Times are in microseconds there, swap is
counted alone, and "max" is no limit, which runc shows as the largest number.
"""

from __future__ import annotations

from runjd.runtime.linux.cgroup.usage1 import pairs, pids, ranged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_MICROSECOND = 1000
_NO_LIMIT = 2**64 - 1
#: words of io.stat -> list and operation of runc's statistics
_BLOCK_WORDS = {
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
}


def cpu(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Time on the processors, in nanoseconds, and how often the quota was used up; not where version 1 counts it."""
    found = pairs(read("cpu.stat"))
    if "usage_usec" not in found or "total" in made["cpu"]["usage"]:
        return
    made["cpu"]["usage"] = {
        "total": found["usage_usec"] * _MICROSECOND,
        "kernel": found.get("system_usec", 0) * _MICROSECOND,
        "user": found.get("user_usec", 0) * _MICROSECOND,
    }
    for name, key, unit in (
        ("nr_periods", "periods", 1),
        ("nr_throttled", "throttledPeriods", 1),
        ("throttled_usec", "throttledTime", _MICROSECOND),
    ):
        if found.get(name):
            made["cpu"]["throttling"][key] = found[name] * unit


def cpuset(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Which processors and nodes."""
    for name in ("cpus", "mems"):
        effective = ranged(read(f"cpuset.{name}.effective"))
        if effective:
            made["cpuset"][name] = effective


def memory(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """Memory, and memory and swap together, in bytes."""
    current = read("memory.current")
    if not current:
        return
    raw = pairs(read("memory.stat"))
    events = pairs(read("memory.events"))
    used, limit = int(current), _limit(read("memory.max"))
    swap, swap_limit = int(read("memory.swap.current") or 0), _limit(read("memory.swap.max"))
    together = _NO_LIMIT if _NO_LIMIT in (limit, swap_limit) else limit + swap_limit
    found: dict[str, object] = {"cache": raw["file"]} if raw.get("file") else {}
    made["memory"] = found | {
        "usage": _entry(limit, used, int(read("memory.peak") or 0), events.get("max", 0)),
        "swap": _entry(together, used + swap, 0, 0),
        "kernel": _entry(0, 0, 0, 0),
        "kernelTCP": _entry(0, 0, 0, 0),
        "raw": raw,
        "events": events,
    }


def block_io(made: dict[str, Any], read: Callable[[str], str]) -> None:
    """What was read from and written to block devices."""
    for line in read("io.stat").splitlines():
        device, *words = line.split()
        major, _, minor = device.partition(":")
        if not major.isdecimal():
            continue
        for word in words:
            name, _, value = word.partition("=")
            if name in _BLOCK_WORDS:
                key, operation = _BLOCK_WORDS[name]
                entry = {"major": int(major), "minor": int(minor), "op": operation, "value": int(value)}
                made["blkio"].setdefault(key, []).append({name: each for name, each in entry.items() if each})


def _limit(text: str) -> int:
    return int(text) if text.isdecimal() else _NO_LIMIT


def _entry(limit: int, usage: int, most: int, failures: int) -> dict[str, int]:
    entry = {"limit": limit, "usage": usage, "max": most, "failcnt": failures}
    return {name: value for name, value in entry.items() if value or name in ("limit", "failcnt")}


READERS: Sequence[Callable[[dict[str, Any], Callable[[str], str]], None]] = (cpu, cpuset, memory, pids, block_io)
