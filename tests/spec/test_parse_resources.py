"""linux.resources becomes values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.spec.parse_resources import parse_resources
from runjd.spec.resources import (
    BlockIO,
    Cpu,
    DeviceRule,
    HugepageLimit,
    Memory,
    Network,
    Rdma,
    Resources,
    Throttle,
    WeightDevice,
)

FULL = {
    "devices": [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 10, "minor": -1, "access": "mr"},
    ],
    "memory": {
        "limit": 1 << 30,
        "reservation": 1 << 29,
        "swap": -1,
        "kernel": 5,
        "kernelTCP": 6,
        "swappiness": 60,
        "disableOOMKiller": True,
        "useHierarchy": True,
        "checkBeforeUpdate": True,
    },
    "cpu": {
        "shares": 1024,
        "quota": -1,
        "burst": 0,
        "period": 100000,
        "realtimeRuntime": 1,
        "realtimePeriod": 2,
        "cpus": "0-1,3",
        "mems": "0",
        "idle": 1,
    },
    "pids": {"limit": 2048},
    "blockIO": {
        "weight": 10,
        "leafWeight": 20,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 300}],
    },
    "hugepageLimits": [{"pageSize": "2MB", "limit": 209715200}],
    "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
    "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
    "unified": {"memory.high": "max"},
}  # fmt: skip


def test_everything_is_read() -> None:
    """Each property of the specification has its place."""
    assert parse_resources(FULL) == Resources(
        devices=(DeviceRule(False), DeviceRule(True, "c", 10, None, "rm")),
        memory=Memory(1 << 30, 1 << 29, -1, 5, 6, 60, True, True, True),
        cpu=Cpu(1024, -1, 0, 100000, 1, 2, "0-1,3", "0", 1),
        pids_limit=2048,
        block_io=BlockIO(
            10,
            20,
            (WeightDevice(8, 0, 500, 300),),
            (
                Throttle("throttleReadBpsDevice", 0, 8, 0, 600),
                Throttle("throttleWriteIOPSDevice", 0, 8, 16, 300),
            ),
        ),
        hugepage_limits=(HugepageLimit("2MB", 209715200),),
        network=Network(1048577, (("eth0", 500),)),
        rdma=(Rdma("mlx5_1", 3, 10000),),
        unified=(("memory.high", "max"),),
    )


@pytest.mark.parametrize("document", [None, {}, {"memory": {}, "cpu": {}, "pids": {"limit": 0}, "blockIO": {}}])
def test_nothing_asks_for_nothing(document: dict[str, Any] | None) -> None:
    """What is absent, empty or zero is no limit."""
    assert parse_resources(document) == Resources()


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("memory.limit", {"memory": {"limit": "1G"}}),
        ("memory.swappiness", {"memory": {"swappiness": 101}}),
        ("cpu.cpus", {"cpu": {"cpus": "all"}}),
        ("cpu.idle", {"cpu": {"idle": 2}}),
        ("pids.limit", {"pids": {"limit": True}}),
        ("devices[0].allow", {"devices": [{"access": "r"}]}),
        ("devices[0].access", {"devices": [{"allow": True, "access": "x"}]}),
        ("devices[0].access", {"devices": [{"allow": True}]}),
        ("devices[0].type", {"devices": [{"allow": True, "type": "p", "access": "r"}]}),
        ("blockIO.weight", {"blockIO": {"weight": 5}}),
        ("blockIO.throttleReadBpsDevice[0].rate", {"blockIO": {"throttleReadBpsDevice": [{"major": 1, "minor": 1}]}}),
        ("hugepageLimits[0].pageSize", {"hugepageLimits": [{"pageSize": "2/MB", "limit": 1}]}),
        ("network.priorities[0].name", {"network": {"priorities": [{"name": "a b", "priority": 1}]}}),
        ("unified", {"unified": {"../memory.max": "1"}}),
    ],
)
def test_nonsense_is_named(path: str, document: dict[str, Any]) -> None:
    """What cannot be a limit is an error with its path, whatever is below the document."""
    with pytest.raises(SpecError) as caught:
        parse_resources(document)

    assert caught.value.path == f"linux.resources.{path}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["limit", "allow", "name"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*FULL]), JSON))
def test_any_json_has_an_answer(document: dict[str, Any]) -> None:
    """Whatever stands there is read or refused, never another exception."""
    try:
        path = "" if parse_resources(document) else "none"
    except SpecError as error:
        path = error.path

    assert path == "" or path.startswith("linux.resources.")
