"""
The limits of version 1 of control groups. Pure.

Documentation/admin-guide/cgroup-v1 of the kernel; what is 0 or absent is left as
it is, as runc does.
"""

from __future__ import annotations

from runjd.runtime.linux.cgroup.write import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runjd.spec.resources import Resources

_THROTTLES = {
    "throttleReadBpsDevice": "blkio.throttle.read_bps_device",
    "throttleWriteBpsDevice": "blkio.throttle.write_bps_device",
    "throttleReadIOPSDevice": "blkio.throttle.read_iops_device",
    "throttleWriteIOPSDevice": "blkio.throttle.write_iops_device",
}


def memory(resources: Resources) -> Iterator[Write]:
    """Limits of memory: memory and swap together are limited after memory, and without limit where memory is."""
    asked = resources.memory
    path = "linux.resources.memory"
    if asked.limit:
        yield Write("memory", "memory.limit_in_bytes", str(asked.limit), f"{path}.limit")
    if asked.swap:
        yield Write("memory", "memory.memsw.limit_in_bytes", str(asked.swap), f"{path}.swap")
    elif asked.limit == -1:
        yield Write("memory", "memory.memsw.limit_in_bytes", "-1", f"{path}.limit", optional=True)
    if asked.reservation:
        yield Write("memory", "memory.soft_limit_in_bytes", str(asked.reservation), f"{path}.reservation")
    if asked.kernel:
        # since 5.16 the kernel takes the number, and forgets it
        yield Write("memory", "memory.kmem.limit_in_bytes", str(asked.kernel), f"{path}.kernel", is_exact=True)
    if asked.kernel_tcp:
        yield Write("memory", "memory.kmem.tcp.limit_in_bytes", str(asked.kernel_tcp), f"{path}.kernelTCP")
    if asked.use_hierarchy:
        yield Write("memory", "memory.use_hierarchy", "1", f"{path}.useHierarchy")
    if asked.disable_oom_killer:
        yield Write("memory", "memory.oom_control", "1", f"{path}.disableOOMKiller")
    if asked.swappiness is not None:
        yield Write("memory", "memory.swappiness", str(asked.swappiness), f"{path}.swappiness")


def cpu(resources: Resources) -> Iterator[Write]:
    """Shares, bandwidth and real time of the processor."""
    asked = resources.cpu
    path = "linux.resources.cpu"
    if asked.idle is not None:
        yield Write("cpu", "cpu.idle", str(asked.idle), f"{path}.idle")
    if asked.shares and not asked.idle:
        # an idle group has the least weight that there is, and the kernel lets nobody change it
        yield Write("cpu", "cpu.shares", str(asked.shares), f"{path}.shares", is_exact=True)
    for value, file, name in (
        (asked.period, "cpu.cfs_period_us", "period"),
        (asked.quota, "cpu.cfs_quota_us", "quota"),
        (asked.realtime_period, "cpu.rt_period_us", "realtimePeriod"),
        (asked.realtime_runtime, "cpu.rt_runtime_us", "realtimeRuntime"),
    ):
        if value:
            yield Write("cpu", file, str(value), f"{path}.{name}")
    if asked.burst is not None:
        yield Write("cpu", "cpu.cfs_burst_us", str(asked.burst), f"{path}.burst")


def cpuset(resources: Resources) -> Iterator[Write]:
    """Which processors and which nodes of memory; the same in both versions."""
    asked = resources.cpu
    if asked.cpus:
        yield Write("cpuset", "cpuset.cpus", asked.cpus, "linux.resources.cpu.cpus")
    if asked.mems:
        yield Write("cpuset", "cpuset.mems", asked.mems, "linux.resources.cpu.mems")


def pids(resources: Resources) -> Iterator[Write]:
    """How many processes; the same in both versions."""
    if resources.pids_limit:
        value = "max" if resources.pids_limit < 0 else str(resources.pids_limit)
        yield Write("pids", "pids.max", value, "linux.resources.pids.limit")


def block_io(resources: Resources) -> Iterator[Write]:
    """Weights and rates of block devices; weights have other names with the scheduler BFQ."""
    asked = resources.block_io
    path = "linux.resources.blockIO"
    if asked.weight:
        weight = str(asked.weight)
        yield Write("blkio", "blkio.weight", weight, f"{path}.weight", (("blkio.bfq.weight", weight),))
    if asked.leaf_weight:
        yield Write("blkio", "blkio.leaf_weight", str(asked.leaf_weight), f"{path}.leafWeight")
    for index, device in enumerate(asked.weight_devices):
        where = f"{path}.weightDevice[{index}]"
        if device.weight:
            line = f"{device.major}:{device.minor} {device.weight}"
            yield Write("blkio", "blkio.weight_device", line, f"{where}.weight", (("blkio.bfq.weight_device", line),))
        if device.leaf_weight:
            line = f"{device.major}:{device.minor} {device.leaf_weight}"
            yield Write("blkio", "blkio.leaf_weight_device", line, f"{where}.leafWeight")
    for each in asked.throttles:
        line = f"{each.major}:{each.minor} {each.rate}"
        yield Write("blkio", _THROTTLES[each.kind], line, f"{path}.{each.kind}[{each.position}]")


def hugetlb(resources: Resources) -> Iterator[Write]:
    """How much memory in huge pages, used and reserved."""
    for index, each in enumerate(resources.hugepage_limits):
        where = f"linux.resources.hugepageLimits[{index}]"
        stem, value = f"hugetlb.{each.page_size}", str(each.limit)
        yield Write("hugetlb", f"{stem}.limit_in_bytes", value, where)
        yield Write("hugetlb", f"{stem}.rsvd.limit_in_bytes", value, where, optional=True)


def net_cls(resources: Resources) -> Iterator[Write]:
    """The class of packets."""
    if resources.network.class_id:
        yield Write("net_cls", "net_cls.classid", str(resources.network.class_id), "linux.resources.network.classID")


def net_prio(resources: Resources) -> Iterator[Write]:
    """The priority of packets, for each interface."""
    for index, (name, priority) in enumerate(resources.network.priorities):
        where = f"linux.resources.network.priorities[{index}]"
        yield Write("net_prio", "net_prio.ifpriomap", f"{name} {priority}", where)


def rdma(resources: Resources) -> Iterator[Write]:
    """Handles and objects of RDMA devices; the same in both versions."""
    for each in resources.rdma:
        words = [each.device]
        if each.hca_handles is not None:
            words.append(f"hca_handle={each.hca_handles}")
        if each.hca_objects is not None:
            words.append(f"hca_object={each.hca_objects}")
        if len(words) > 1:
            yield Write("rdma", "rdma.max", " ".join(words), f"linux.resources.rdma.{each.device}")


#: name of the controller in this version -> what it is told
BY_CONTROLLER: dict[str, Callable[[Resources], Iterator[Write]]] = {
    "cpuset": cpuset,
    "cpu": cpu,
    "memory": memory,
    "pids": pids,
    "blkio": block_io,
    "hugetlb": hugetlb,
    "net_cls": net_cls,
    "net_prio": net_prio,
    "rdma": rdma,
}
