"""Limits become what is written into control groups, on hosts of each version."""

from __future__ import annotations

from typing import Any

import pytest

from runjd.errors import SpecError, Unsupported
from runjd.runtime.linux.cgroup.hierarchies import Hierarchy, Host
from runjd.runtime.linux.cgroup.version2 import weight_of_block_io, weight_of_shares
from runjd.runtime.linux.cgroup.writes import plan_writes
from runjd.spec.parse_resources import parse_resources

ALL_1 = ("cpuset", "cpu", "memory", "pids", "blkio", "hugetlb", "net_cls", "net_prio", "rdma", "devices", "freezer")
V1 = Host(tuple(Hierarchy(1, (each,), f"/cg/{each}", f"/cg/{each}") for each in ALL_1))
V2 = Host((Hierarchy(2, ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"), "/cg", "/cg/own"),))
HYBRID = Host((Hierarchy(1, ("memory",), "/cg/memory", "/cg/memory"), Hierarchy(2, ("hugetlb",), "/cg/2", "/cg/2")))


def written(host: Host, **resources: Any) -> list[str]:
    return [f"{each.file}={each.value}" for each in plan_writes(parse_resources(resources), host)]


@pytest.mark.parametrize(
    ("resources", "first", "second"),
    [
        ({"pids": {"limit": 9}}, ["pids.max=9"], ["pids.max=9"]),
        ({"pids": {"limit": -1}}, ["pids.max=max"], ["pids.max=max"]),
        ({"cpu": {"cpus": "0", "mems": "0"}}, ["cpuset.cpus=0", "cpuset.mems=0"], ["cpuset.cpus=0", "cpuset.mems=0"]),
        ({"cpu": {"shares": 1024}}, ["cpu.shares=1024"], ["cpu.weight=39"]),
        (
            {"cpu": {"quota": 50000, "period": 200000, "burst": 7}},
            ["cpu.cfs_period_us=200000", "cpu.cfs_quota_us=50000", "cpu.cfs_burst_us=7"],
            ["cpu.max=50000 200000", "cpu.max.burst=7"],
        ),
        ({"cpu": {"quota": -1}}, ["cpu.cfs_quota_us=-1"], ["cpu.max=max 100000"]),
        ({"cpu": {"idle": 1, "shares": 2}}, ["cpu.idle=1"], ["cpu.idle=1"]),
        (
            {"memory": {"limit": 100, "swap": 150, "reservation": 50}},
            ["memory.limit_in_bytes=100", "memory.memsw.limit_in_bytes=150", "memory.soft_limit_in_bytes=50"],
            ["memory.swap.max=50", "memory.max=100", "memory.low=50"],
        ),
        (
            {"memory": {"limit": 100, "swap": 100}},
            ["memory.limit_in_bytes=100", "memory.memsw.limit_in_bytes=100"],
            ["memory.swap.max=0", "memory.max=100"],
        ),
        (
            {"memory": {"limit": -1}},
            ["memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"],
            ["memory.swap.max=max", "memory.max=max"],
        ),
        (
            {"blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 9}]}},
            ["blkio.weight=500", "blkio.throttle.read_bps_device=8:0 9"],
            ["io.bfq.weight=500", "io.max=8:0 rbps=9"],
        ),
        (
            {"hugepageLimits": [{"pageSize": "2MB", "limit": 3}]},
            ["hugetlb.2MB.limit_in_bytes=3", "hugetlb.2MB.rsvd.limit_in_bytes=3"],
            ["hugetlb.2MB.max=3", "hugetlb.2MB.rsvd.max=3"],
        ),
        ({"rdma": {"m": {"hcaObjects": 4}}}, ["rdma.max=m hca_object=4"], ["rdma.max=m hca_object=4"]),
    ],
)
def test_limits_of_both_versions(resources: dict[str, Any], first: list[str], second: list[str]) -> None:
    """Each limit is written as its version wants it."""
    assert written(V1, **resources) == first
    assert written(V2, **resources) == second


def test_what_only_version_1_has() -> None:
    """Kernel memory, swappiness, the OOM killer, real time, leaf weights and networks."""
    network = {"classID": 5, "priorities": [{"name": "eth0", "priority": 3}]}
    asked: dict[str, Any] = {
        "memory": {"kernel": 1, "kernelTCP": 2, "swappiness": 0, "disableOOMKiller": True, "useHierarchy": True},
        "cpu": {"realtimeRuntime": 8, "realtimePeriod": 9},
        "blockIO": {"leafWeight": 10, "weightDevice": [{"major": 1, "minor": 2, "weight": 10, "leafWeight": 11}]},
        "network": network,
    }

    assert written(V1, **asked) == [
        "cpu.rt_period_us=9",
        "cpu.rt_runtime_us=8",
        "memory.kmem.limit_in_bytes=1",
        "memory.kmem.tcp.limit_in_bytes=2",
        "memory.use_hierarchy=1",
        "memory.oom_control=1",
        "memory.swappiness=0",
        "blkio.leaf_weight=10",
        "blkio.weight_device=1:2 10",
        "blkio.leaf_weight_device=1:2 11",
        "net_cls.classid=5",
        "net_prio.ifpriomap=eth0 3",
    ]


@pytest.mark.parametrize(
    ("host", "path", "resources"),
    [
        (V2, "memory.swappiness", {"memory": {"swappiness": 1}}),
        (V2, "memory.kernel", {"memory": {"kernel": 1}}),
        (V2, "memory.disableOOMKiller", {"memory": {"disableOOMKiller": True}}),
        (V2, "cpu.realtimeRuntime", {"cpu": {"realtimeRuntime": 1}}),
        (V2, "blockIO.leafWeight", {"blockIO": {"leafWeight": 10}}),
        (V2, "network.classID", {"network": {"classID": 1}}),
        (V1, 'unified["memory.max"]', {"unified": {"memory.max": "1"}}),
        (HYBRID, 'unified["memory.max"]', {"unified": {"memory.max": "1"}}),
        (HYBRID, "pids.limit", {"pids": {"limit": 1}}),
        (HYBRID, "blockIO.weight", {"blockIO": {"weight": 10}}),
        (Host(()), "cpu.shares", {"cpu": {"shares": 10}}),
    ],
)
def test_what_a_host_lacks_is_named(host: Host, path: str, resources: dict[str, Any]) -> None:
    """A limit without its controller, or one that its version does not know, is refused by its JSON path."""
    with pytest.raises(Unsupported) as caught:
        written(host, **resources)

    assert caught.value.path == f"linux.resources.{path}"


def test_each_controller_is_asked_where_it_is() -> None:
    """On a hybrid host one limit goes to version 1, another to version 2."""
    limits = {"memory": {"limit": 5}, "hugepageLimits": [{"pageSize": "1GB", "limit": 0}]}

    assert written(HYBRID, **limits) == ["memory.limit_in_bytes=5", "hugetlb.1GB.max=0", "hugetlb.1GB.rsvd.max=0"]


@pytest.mark.parametrize("memory", [{"swap": 5}, {"limit": 6, "swap": 5}, {"limit": -1, "swap": 5}])
def test_swap_and_memory_must_agree(memory: dict[str, int]) -> None:
    """For version 2, which counts swap alone, swap needs a limit of memory that is not larger."""
    with pytest.raises(SpecError) as caught:
        written(V2, memory=memory)

    assert caught.value.path == "linux.resources.memory.swap"


def test_files_of_version_2_can_be_named() -> None:
    """What ``unified`` says is written behind all else, by the names of the files."""
    assert written(V2, pids={"limit": 3}, unified={"pids.max": "4", "cgroup.max.depth": "2"}) == [
        "pids.max=3",
        "pids.max=4",
        "cgroup.max.depth=2",
    ]


def test_weights_are_converted_as_runc_does() -> None:
    """The ends of both ranges meet, and what is beyond them counts as the end."""
    assert [weight_of_shares(each) for each in (0, 2, 1024, 262144, 1 << 40)] == [1, 1, 39, 10000, 10000]
    assert [weight_of_block_io(each) for each in (10, 500, 1000)] == [1, 4950, 10000]
