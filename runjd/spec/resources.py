"""
``linux.resources`` as frozen values.

0 or None is what a document does not ask for, and -1 is "no limit", as every
engine writes them (config-linux.md, "Control groups").
"""

from __future__ import annotations

from runjd.values import Value


class DeviceRule(Value):
    """``devices[]``: ``type`` is a, b or c; ``major`` and ``minor`` are None for all; ``access`` of r, w and m."""

    allow: bool
    type: str = "a"
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"


class Memory(Value):
    """``memory``, in bytes; ``swap`` is memory and swap together."""

    limit: int = 0
    reservation: int = 0
    swap: int = 0
    kernel: int = 0
    kernel_tcp: int = 0
    swappiness: int | None = None
    disable_oom_killer: bool = False
    use_hierarchy: bool = False
    check_before_update: bool = False


class Cpu(Value):
    """``cpu``; times in microseconds."""

    shares: int = 0
    quota: int = 0
    burst: int | None = None
    period: int = 0
    realtime_runtime: int = 0
    realtime_period: int = 0
    cpus: str = ""
    mems: str = ""
    idle: int | None = None


class WeightDevice(Value):
    """``blockIO.weightDevice[]``."""

    major: int
    minor: int
    weight: int = 0
    leaf_weight: int = 0


class Throttle(Value):
    """An entry of ``blockIO.throttle*Device[]``: the ``kind`` of list, the ``position`` in it, ``rate`` per second."""

    kind: str
    position: int
    major: int
    minor: int
    rate: int


class BlockIO(Value):
    """``blockIO``."""

    weight: int = 0
    leaf_weight: int = 0
    weight_devices: tuple[WeightDevice, ...] = ()
    throttles: tuple[Throttle, ...] = ()


class HugepageLimit(Value):
    """``hugepageLimits[]``: ``page_size`` as ``2MB``, ``limit`` in bytes."""

    page_size: str
    limit: int


class Network(Value):
    """``network``; ``priorities`` are pairs of interface and priority."""

    class_id: int = 0
    priorities: tuple[tuple[str, int], ...] = ()


class Rdma(Value):
    """``rdma`` of one device."""

    device: str
    hca_handles: int | None = None
    hca_objects: int | None = None


class Resources(Value):
    """``linux.resources``."""

    devices: tuple[DeviceRule, ...] = ()
    memory: Memory = Memory()
    cpu: Cpu = Cpu()
    pids_limit: int = 0
    block_io: BlockIO = BlockIO()
    hugepage_limits: tuple[HugepageLimit, ...] = ()
    network: Network = Network()
    rdma: tuple[Rdma, ...] = ()
    unified: tuple[tuple[str, str], ...] = ()
