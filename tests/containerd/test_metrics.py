"""What a task uses, as containerd's clients read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.containerd.metrics import metrics_of
from runjd.containerd.proto import metrics1_pb2, metrics2_pb2

_GROUPS1 = {
    "cpu": {
        "usage": {"total": 5_000, "kernel": 2_000, "user": 3_000, "percpu": [1_000, 4_000]},
        "throttling": {"periods": 1, "throttledPeriods": 2, "throttledTime": 3},
    },
    "memory": {
        "cache": 7,
        "usage": {"limit": 100, "usage": 50, "max": 60, "failcnt": 1},
        "kernelTCP": {"limit": 9, "failcnt": 0},
        "raw": {"cache": 7, "rss": 8, "pgpgin": 9, "total_pgfault": 10, "hierarchical_memsw_limit": 11, "swap": 12},
    },
    "pids": {"current": 3, "limit": 77},
    "blkio": {"ioServicedRecursive": [{"major": 8, "op": "Read", "value": 4}]},
    "hugetlb": {"2MB": {"failcnt": 0, "usage": 6}},
}


def test_version_1_is_told_in_its_own_form():
    """Every number in the field that bears its name."""
    told = metrics_of(_GROUPS1)

    made = metrics1_pb2.Metrics.FromString(told.value)
    assert told.type_url == "io.containerd.cgroups.v1.Metrics"
    assert (made.pids.current, made.pids.limit) == (3, 77)
    assert (made.cpu.usage.total, list(made.cpu.usage.per_cpu), made.cpu.throttling.throttled_time) == (
        5_000, [1_000, 4_000], 3,
    )  # fmt: skip
    memory = made.memory
    assert (memory.cache, memory.rss, memory.pg_pg_in, memory.total_pg_fault) == (7, 8, 9, 10)
    assert (memory.usage.limit, memory.usage.usage, memory.usage.failcnt, memory.kernel_tcp.limit) == (100, 50, 1, 9)
    assert memory.hierarchical_swap_limit == 11
    assert [(each.op, each.major, each.value) for each in made.blkio.io_serviced_recursive] == [("Read", 8, 4)]
    assert [(each.pagesize, each.usage) for each in made.hugetlb] == [("2MB", 6)]


def test_version_2_is_told_in_its_own_form():
    """In microseconds, with swap alone."""
    stats = _GROUPS1 | {
        "memory": {
            "usage": {"limit": 100, "usage": 50, "failcnt": 2},
            "swap": {"limit": 150, "usage": 70},
            "raw": {"anon": 40, "file": 5, "pgfault": 6, "nonsense": 1},
            "events": {"low": 0, "high": 0, "max": 2, "oom": 4, "oom_kill": 3, "oom_group_kill": 0},
        },
        "blkio": {
            "ioServiceBytesRecursive": [
                {"major": 8, "minor": 1, "op": "Read", "value": 4},
                {"major": 8, "minor": 1, "op": "Write", "value": 5},
            ]
        },
    }

    told = metrics_of(stats)

    made = metrics2_pb2.Metrics.FromString(told.value)
    assert told.type_url == "io.containerd.cgroups.v2.Metrics"
    assert (made.cpu.usage_usec, made.cpu.user_usec, made.cpu.system_usec) == (5, 3, 2)
    memory = made.memory
    assert (memory.anon, memory.file, memory.pgfault, memory.usage, memory.usage_limit) == (40, 5, 6, 50, 100)
    assert (memory.swap_usage, memory.swap_limit) == (20, 50)
    assert (made.memory_events.max, made.memory_events.oom, made.memory_events.oom_kill) == (2, 4, 3)
    assert [(each.major, each.minor, each.rbytes, each.wbytes) for each in made.io.usage] == [(8, 1, 4, 5)]


@pytest.mark.parametrize(("pids", "limit"), [({"current": 1}, 2**64 - 1), ({"current": 1, "limit": 5}, 5)])
def test_no_limit_of_processes_is_the_largest_number_in_version_2(pids, limit):
    """As of memory, and as the shim for runc tells it; 0 would be none at all."""
    stats = {"cpu": {"usage": {}}, "memory": {"raw": {"anon": 1}}, "pids": pids}

    assert metrics2_pb2.Metrics.FromString(metrics_of(stats).value).pids.limit == limit


def test_what_freebsd_counts_is_told():
    """Without control groups: processor, memory and processes."""
    stats = {
        "cpu": {"usage": {"total": 9, "kernel": 0, "user": 0}, "throttling": {}},
        "cpuset": {},
        "memory": {"usage": {"usage": 4096}, "swap": {"usage": 1}},
        "pids": {"current": 2},
        "blkio": {},
        "hugetlb": {},
        "racct": {"cputime": 1},
    }

    made = metrics1_pb2.Metrics.FromString(metrics_of(stats).value)

    assert (made.cpu.usage.total, made.memory.usage.usage, made.memory.swap.usage, made.pids.current) == (9, 4096, 1, 2)


@given(
    st.dictionaries(st.sampled_from(["anon", "cache", "swap", "usage", "pgpgin", "x"]), st.integers(-5, 2**70)),
    st.dictionaries(st.sampled_from(["limit", "usage"]), st.integers(0, 2**64 - 1)),
)
def test_odd_numbers_harm_nobody(raw, entry):
    """What a field cannot hold, or is no number of its own, is left out."""
    stats = {"cpu": {"usage": {}}, "memory": {"raw": raw, "usage": entry, "swap": entry}}

    assert metrics_of(stats).type_url.startswith("io.containerd.cgroups.v")
