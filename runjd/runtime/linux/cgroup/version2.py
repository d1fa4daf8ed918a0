"""
The limits of version 2 of control groups. Pure.

``linux.resources`` has the properties of version 1, so some are converted, as
runc does it, and some have no counterpart (Documentation/admin-guide/cgroup-v2).
"""

from __future__ import annotations

from runjd.errors import SpecError, Unsupported
from runjd.runtime.linux.cgroup import version1
from runjd.runtime.linux.cgroup.write import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runjd.spec.resources import Memory, Resources

_NO_SUCH = "control groups of version 2, as this host has them for it, know no such limit"
_THROTTLES = {
    "throttleReadBpsDevice": "rbps",
    "throttleWriteBpsDevice": "wbps",
    "throttleReadIOPSDevice": "riops",
    "throttleWriteIOPSDevice": "wiops",
}
#: microseconds; the kernel's own
_PERIOD = 100_000


def weight_of_shares(shares: int) -> int:
    """Return the ``cpu.weight``, 1 to 10000, that corresponds to ``cpu.shares``, 2 to 262144."""
    shares = min(max(shares, 2), 262144)
    return 1 + (shares - 2) * 9999 // 262142


def weight_of_block_io(weight: int) -> int:
    """Return the ``io.weight``, 1 to 10000, that corresponds to ``blkio.weight``, 10 to 1000."""
    return 1 + (weight - 10) * 9999 // 990


def swap_alone(memory: Memory) -> int:
    """
    Return the limit of swap alone, from that of memory and swap together; -1 for none, 0 where not asked for.

    :raise SpecError: they contradict each other.
    """
    path = "linux.resources.memory.swap"
    if memory.limit == -1 and not memory.swap:
        return -1
    if memory.swap <= 0:
        return memory.swap
    if memory.limit <= 0:
        raise SpecError(path, "a limit of memory and swap together needs linux.resources.memory.limit, too")
    if memory.swap < memory.limit:
        raise SpecError(path, "is memory and swap together, so it cannot be less than linux.resources.memory.limit")
    return memory.swap - memory.limit


def memory(resources: Resources) -> Iterator[Write]:
    """Limits of memory."""
    asked = resources.memory
    path = "linux.resources.memory"
    for name, value in (
        ("kernel", asked.kernel),
        ("kernelTCP", asked.kernel_tcp),
        ("swappiness", asked.swappiness is not None),
        ("disableOOMKiller", asked.disable_oom_killer),
    ):
        if value:
            raise Unsupported(f"{path}.{name}", _NO_SUCH)
    swap = swap_alone(asked)
    if swap or (asked.swap > 0 and asked.swap == asked.limit):
        # without a limit of its own there is nothing to take away where the kernel has no swap accounting
        yield Write("memory", "memory.swap.max", _word(swap), f"{path}.swap", optional=swap == -1)
    if asked.limit:
        above = "memory.current" if asked.check_before_update and asked.limit > 0 else ""
        yield Write("memory", "memory.max", _word(asked.limit), f"{path}.limit", above=above)
    if asked.reservation:
        yield Write("memory", "memory.low", _word(asked.reservation), f"{path}.reservation")


def cpu(resources: Resources) -> Iterator[Write]:
    """Weight and bandwidth of the processor."""
    asked = resources.cpu
    path = "linux.resources.cpu"
    for name, value in (("realtimeRuntime", asked.realtime_runtime), ("realtimePeriod", asked.realtime_period)):
        if value:
            raise Unsupported(f"{path}.{name}", _NO_SUCH)
    if asked.idle is not None:
        yield Write("cpu", "cpu.idle", str(asked.idle), f"{path}.idle")
    if asked.shares and not asked.idle:
        yield Write("cpu", "cpu.weight", str(weight_of_shares(asked.shares)), f"{path}.shares")
    if asked.quota or asked.period:
        quota = str(asked.quota) if asked.quota > 0 else "max"
        yield Write(
            "cpu", "cpu.max", f"{quota} {asked.period or _PERIOD}", f"{path}.{'quota' if asked.quota else 'period'}"
        )
    if asked.burst is not None:
        yield Write("cpu", "cpu.max.burst", str(asked.burst), f"{path}.burst")


def block_io(resources: Resources) -> Iterator[Write]:
    """Weights and rates of block devices; the scheduler BFQ takes the weights as they are."""
    asked = resources.block_io
    path = "linux.resources.blockIO"
    if asked.leaf_weight:
        raise Unsupported(f"{path}.leafWeight", _NO_SUCH)
    if asked.weight:
        other = ("io.weight", str(weight_of_block_io(asked.weight)))
        yield Write("io", "io.bfq.weight", str(asked.weight), f"{path}.weight", (other,))
    for index, device in enumerate(asked.weight_devices):
        where = f"{path}.weightDevice[{index}]"
        if device.leaf_weight:
            raise Unsupported(f"{where}.leafWeight", _NO_SUCH)
        if device.weight:
            number = f"{device.major}:{device.minor}"
            other = ("io.weight", f"{number} {weight_of_block_io(device.weight)}")
            yield Write("io", "io.bfq.weight", f"{number} {device.weight}", f"{where}.weight", (other,))
    for each in asked.throttles:
        line = f"{each.major}:{each.minor} {_THROTTLES[each.kind]}={each.rate}"
        yield Write("io", "io.max", line, f"{path}.{each.kind}[{each.position}]")


def hugetlb(resources: Resources) -> Iterator[Write]:
    """How much memory in huge pages, used and reserved."""
    for index, each in enumerate(resources.hugepage_limits):
        where = f"linux.resources.hugepageLimits[{index}]"
        stem, value = f"hugetlb.{each.page_size}", str(each.limit)
        yield Write("hugetlb", f"{stem}.max", value, where)
        yield Write("hugetlb", f"{stem}.rsvd.max", value, where, optional=True)


def unified(resources: Resources) -> Iterator[Write]:
    """Files by their names, as they are; the last word on what the other properties set."""
    for name, value in resources.unified:
        yield Write(name.partition(".")[0], name, value, f'linux.resources.unified["{name}"]')


def _word(limit: int) -> str:
    return "max" if limit < 0 else str(limit)


#: name of the controller in this version -> what it is told
BY_CONTROLLER: dict[str, Callable[[Resources], Iterator[Write]]] = {
    "cpuset": version1.cpuset,
    "cpu": cpu,
    "memory": memory,
    "pids": version1.pids,
    "io": block_io,
    "hugetlb": hugetlb,
    "rdma": version1.rdma,
}
