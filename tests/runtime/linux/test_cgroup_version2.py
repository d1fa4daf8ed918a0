"""The groups of a jail on a host of version 2 alone, which this machine need not be."""

from __future__ import annotations

import os

import pytest

from runjd.errors import RunjdError, Unsupported
from runjd.kernel.process import boot_id
from runjd.runtime.contract import Held, Undo
from runjd.runtime.linux.cgroup import freezing, living
from runjd.runtime.linux.cgroup.files import read_host
from runjd.runtime.linux.cgroup.joining import join_groups
from runjd.runtime.linux.cgroup.making import make_groups
from runjd.runtime.linux.cgroup.record import GROUPS
from runjd.runtime.linux.cgroup.removing import remove_groups
from runjd.runtime.linux.cgroup.usage import usage
from runjd.spec.parse_resources import parse_resources
from tests.runtime.linux.cgroup_host import MOUNT, FakeHost

GROUP = f"{MOUNT}/jails/web"


@pytest.fixture
def host(private_dir: str) -> FakeHost:
    return FakeHost(private_dir)


def make(host: FakeHost, undo: list[Undo], path: str = "/jails/web", **resources: object) -> tuple[str, ...]:
    return make_groups(host, read_host(host), path, "web", parse_resources(resources), undo.append)


def test_group_is_made_with_its_limits(host: FakeHost) -> None:
    """All controllers are enabled on the way, limits are written, a program decides about devices, init can join."""
    undo: list[Undo] = []

    made = make(host, undo, pids={"limit": 5}, memory={"limit": 100, "swap": 150}, cpu={"shares": 1024, "quota": 50})
    join_groups(host, made)

    assert made == (GROUP,)
    assert host.content("cgroup.subtree_control").split() == ["+cpu", "+cpuset", "+hugetlb", "+io", "+memory", "+pids"]
    names = ("pids.max", "memory.max", "memory.swap.max", "cpu.weight", "cpu.max", "cgroup.procs")
    assert [host.content(f"jails/web/{each}") for each in names] == ["5", "100", "50", "39", "50 100000", "0"]
    assert host.done[-1] == ("attach", GROUP)
    assert undo == [Undo("cgroup_parent", f"{MOUNT}/jails"), Undo(GROUPS, GROUP)]


def test_group_without_a_path_is_beside_our_own(host: FakeHost) -> None:
    """Our own group has processes, so it hands no controllers on: it stays as it was, and the limit holds."""
    undo: list[Undo] = []

    assert make(host, undo, "", pids={"limit": 5}) == (f"{MOUNT}/own.slice.jails/web",)
    assert host.content("own.slice.jails/web/pids.max") == "5"
    assert host.content("own.slice/cgroup.subtree_control") == ""

    remove_groups(host, undo)
    assert host.groups() == []


def test_group_and_those_above_are_removed(host: FakeHost) -> None:
    """Nothing is left, groups that the jail made below its own included."""
    undo: list[Undo] = []
    make(host, undo)
    host.mkdir(f"{GROUP}/inner")

    remove_groups(host, undo)

    assert host.groups() == []


def test_group_above_stays_as_long_as_others_use_it(host: FakeHost) -> None:
    """Two jails below one group: the first that goes leaves it."""
    first: list[Undo] = []
    second: list[Undo] = []
    make(host, first)
    make(host, second, "/jails/db")

    remove_groups(host, first)
    assert host.groups() == ["jails", "jails/db"]

    remove_groups(host, second)
    assert host.groups() == ["jails"]


def test_absent_controller_is_named(private_dir: str) -> None:
    """A limit without its controller fails before anything is made."""
    host = FakeHost(private_dir, ("cpu", "pids"))
    undo: list[Undo] = []

    with pytest.raises(Unsupported) as caught:
        make(host, undo, memory={"limit": 5})

    assert caught.value.path == "linux.resources.memory.limit"
    assert (undo, host.groups()) == ([], [])


def test_controller_that_cannot_be_enabled_is_named(host: FakeHost) -> None:
    """As below a group that has processes: the file is missing, and the error says which property wants it."""
    undo: list[Undo] = []
    host._enable = lambda group, controller: None  # type: ignore[method-assign]
    host.mkdir(f"{MOUNT}/jails", 0o755)
    host.mkdir(GROUP, 0o755)

    with pytest.raises(Unsupported, match=r"as /sys/fs/cgroup/jails does not hand the controller pids on") as caught:
        make(host, undo, pids={"limit": 5})

    assert caught.value.path == "linux.resources.pids.limit"


def test_weights_of_block_devices_have_two_names(host: FakeHost) -> None:
    """With the scheduler BFQ a weight is written as it is, else it is converted."""
    make(host, [], blockIO={"weight": 1000})
    assert host.content("jails/web/io.weight") == "10000"

    undo: list[Undo] = []
    make(host, undo, "/bfq", pids={"limit": 1})
    host._write(f"{MOUNT}/bfq/io.bfq.weight", "default 100")
    held = Held("web", os.getpid(), 0, boot_id(), "", tuple(undo))
    living.update(host, held, parse_resources({"blockIO": {"weight": 1000}}), tuple, undo.append)
    assert host.content("bfq/io.bfq.weight") == "1000"
    assert host.content("bfq/io.weight") == "default 100"


def test_update_restores_what_it_changed(host: FakeHost) -> None:
    """Where one limit is refused, those before it are as they were."""
    undo: list[Undo] = []
    make(host, undo, pids={"limit": 5})
    held = Held("web", os.getpid(), 0, boot_id(), "", tuple(undo))
    os.unlink(f"{host._directory}{GROUP}/memory.low")
    host._enable = lambda group, controller: None  # type: ignore[method-assign]

    with pytest.raises(RunjdError):
        living.update(
            host, held, parse_resources({"pids": {"limit": 9}, "memory": {"reservation": 9}}), tuple, undo.append
        )
    assert host.content("jails/web/pids.max") == "5"

    living.update(host, held, parse_resources({"pids": {"limit": 9}}), tuple, undo.append)
    assert host.content("jails/web/pids.max") == "9"


def test_check_before_update(host: FakeHost) -> None:
    """A limit of memory that is used up already is refused where that is asked for: the kernel would kill instead."""
    undo: list[Undo] = []
    make(host, undo)
    held = Held("web", os.getpid(), 0, boot_id(), "", tuple(undo))

    with pytest.raises(RunjdError, match="4096") as caught:
        living.update(
            host, held, parse_resources({"memory": {"limit": 4000, "checkBeforeUpdate": True}}), tuple, undo.append
        )
    assert caught.value.details["path"] == "linux.resources.memory.limit"
    living.update(host, held, parse_resources({"memory": {"limit": 4000}}), tuple, undo.append)

    assert host.content("jails/web/memory.max") == "4000"


def test_freezing_waits_until_all_are_stopped(host: FakeHost) -> None:
    """cgroup.freeze asks, cgroup.events tells."""
    make(host, [])

    freezing.freeze(host, GROUP)
    assert host.content("jails/web/cgroup.freeze") == "1"
    freezing.thaw(host, GROUP)

    assert host.content("jails/web/cgroup.freeze") == "0"


def test_usage_has_the_form_of_version_1(host: FakeHost) -> None:
    """Microseconds become nanoseconds, swap is counted with memory, no limit is the largest number."""
    make(host, [], pids={"limit": 7}, memory={"limit": 8192, "swap": 8192 + 4096})

    found = usage(host, (GROUP,), ())

    assert found["cpu"] == {"usage": {"total": 5000000, "kernel": 2000000, "user": 3000000}, "throttling": {}}
    assert found["cpuset"] == {"cpus": [0, 1], "mems": [0]}
    assert found["pids"] == {"current": 1, "limit": 7}
    memory = found["memory"]
    assert isinstance(memory, dict)
    assert memory["usage"] == {"limit": 8192, "usage": 4096, "failcnt": 3}
    assert memory["swap"] == {"limit": 12288, "usage": 4096, "failcnt": 0}
    assert memory["raw"] == {"anon": 2048, "file": 1024}
    assert found["blkio"] == {
        "ioServiceBytesRecursive": [
            {"major": 8, "op": "Read", "value": 10},
            {"major": 8, "op": "Write", "value": 20},
        ],
        "ioServicedRecursive": [{"major": 8, "op": "Read", "value": 1}, {"major": 8, "op": "Write", "value": 2}],
    }
    assert found["hugetlb"] == {"2MB": {"failcnt": 0}}


def test_usage_without_groups_is_that_of_the_processes(host: FakeHost) -> None:
    """Who has no group is counted process by process."""
    found = usage(host, (), (os.getpid(),))

    assert found["pids"] == {"current": 1}
    assert isinstance(found["memory"], dict)
    assert found["memory"]["usage"]["usage"] > 1 << 20
