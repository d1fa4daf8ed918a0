"""What a task uses, in the form that containerd's clients read: the counts of a control group. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any as Anything

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from runjd.containerd.proto import metrics1_pb2 as v1
from runjd.containerd.proto import metrics2_pb2 as v2
from runjd.containerd.wirevalues import packed

_V1, _V2 = "io.containerd.cgroups.v1.Metrics", "io.containerd.cgroups.v2.Metrics"
_MICROSECOND = 1000
_MOST = 2**64 - 1
#: names of memory.stat that the message of version 1 spells otherwise
_SPELLING = {"pgpgin": "pg_pg_in", "pgpgout": "pg_pg_out", "pgfault": "pg_fault", "pgmajfault": "pg_maj_fault"}
_SPELLING |= {f"total_{name}": f"total_{other}" for name, other in _SPELLING.items()}
_SPELLING |= {"hierarchical_memsw_limit": "hierarchical_swap_limit"}
_IO_NAMES = {
    ("ioServiceBytesRecursive", "Read"): "rbytes",
    ("ioServiceBytesRecursive", "Write"): "wbytes",
    ("ioServicedRecursive", "Read"): "rios",
    ("ioServicedRecursive", "Write"): "wios",
}

Stats = Mapping[str, Anything]


def metrics_of(stats: Stats) -> Any:
    """
    Return the metrics, wrapped, of what a runtime's ``usage`` returned.

    Where memory.stat is that of version 2 of control groups, in the form of version 2; else, and where the system
    counts otherwise (rctl(4)), in that of version 1.
    """
    raw = stats.get("memory", {}).get("raw", {})
    return packed(_V2, _of_version2(stats, raw)) if "anon" in raw else packed(_V1, _of_version1(stats, raw))


def _of_version1(stats: Stats, raw: Mapping[str, int]) -> v1.Metrics:
    made = v1.Metrics(pids=v1.PidsStat(**_pids(stats)))
    usage = stats["cpu"]["usage"]
    made.cpu.usage.total = usage.get("total", 0)
    made.cpu.usage.kernel = usage.get("kernel", 0)
    made.cpu.usage.user = usage.get("user", 0)
    made.cpu.usage.per_cpu.extend(usage.get("percpu", ()))
    throttling = stats["cpu"].get("throttling", {})
    made.cpu.throttling.periods = throttling.get("periods", 0)
    made.cpu.throttling.throttled_periods = throttling.get("throttledPeriods", 0)
    made.cpu.throttling.throttled_time = throttling.get("throttledTime", 0)
    _set_known(made.memory, {_SPELLING.get(name, name): value for name, value in raw.items()})
    for name, key in (("usage", "usage"), ("swap", "swap"), ("kernel", "kernel"), ("kernel_tcp", "kernelTCP")):
        entry = stats["memory"].get(key)
        if entry is not None:
            _set_known(getattr(made.memory, name), entry)
    for size, entry in stats.get("hugetlb", {}).items():
        _set_known(made.hugetlb.add(pagesize=size), entry)
    made.blkio.SetInParent()
    made.memory_oom_control.SetInParent()
    for name, key in (
        ("io_service_bytes_recursive", "ioServiceBytesRecursive"),
        ("io_serviced_recursive", "ioServicedRecursive"),
    ):
        for entry in stats.get("blkio", {}).get(key, ()):
            _set_known(getattr(made.blkio, name).add(op=entry.get("op", "")), entry)
    return made


def _of_version2(stats: Stats, raw: Mapping[str, int]) -> v2.Metrics:
    made = v2.Metrics(pids=v2.PidsStat(**{"limit": _MOST} | _pids(stats)))
    usage, throttling = stats["cpu"]["usage"], stats["cpu"].get("throttling", {})
    made.cpu.usage_usec = usage.get("total", 0) // _MICROSECOND
    made.cpu.user_usec = usage.get("user", 0) // _MICROSECOND
    made.cpu.system_usec = usage.get("kernel", 0) // _MICROSECOND
    made.cpu.nr_periods = throttling.get("periods", 0)
    made.cpu.nr_throttled = throttling.get("throttledPeriods", 0)
    made.cpu.throttled_usec = throttling.get("throttledTime", 0) // _MICROSECOND
    _set_known(made.memory, raw)
    memory, swap = stats["memory"].get("usage", {}), stats["memory"].get("swap", {})
    made.memory.usage = memory.get("usage", 0)
    made.memory.usage_limit = min(memory.get("limit", 0), _MOST)
    # ours counts memory and swap together, as version 1 does
    made.memory.swap_usage = max(0, swap.get("usage", 0) - memory.get("usage", 0))
    limit = swap.get("limit", 0)
    made.memory.swap_limit = limit if limit >= _MOST else max(0, limit - memory.get("limit", 0))
    _set_known(made.memory_events, stats["memory"].get("events", {}))
    entries: dict[tuple[int, int], v2.IOEntry] = {}
    for (key, operation), name in _IO_NAMES.items():
        for each in stats.get("blkio", {}).get(key, ()):
            if each.get("op") == operation:
                device = each.get("major", 0), each.get("minor", 0)
                if device not in entries:
                    entries[device] = made.io.usage.add(major=device[0], minor=device[1])
                setattr(entries[device], name, each.get("value", 0))
    return made


def _pids(stats: Stats) -> dict[str, int]:
    return {name: value for name, value in stats.get("pids", {}).items() if name in ("current", "limit")}


def _set_known(message: Message, values: Mapping[str, Anything]) -> None:
    """Set the fields that are numbers, of those that the message has."""
    known = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if name in known and known[name].message_type is None and isinstance(value, int) and 0 <= value <= _MOST:
            setattr(message, name, value)
