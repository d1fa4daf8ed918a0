"""
``linux.resources`` of ``config.json``, or what ``update`` is given: checked, and turned into values.

Specification: config-linux.md, "Control groups".
"""

from __future__ import annotations

from runjd.spec.quote import quoted
from runjd.spec.reader import UINT32_MAX, UINT64_MAX, Faults, Reader
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: properties of blockIO that limit a device, by the order in which they are applied
THROTTLES = (
    "throttleReadBpsDevice",
    "throttleWriteBpsDevice",
    "throttleReadIOPSDevice",
    "throttleWriteIOPSDevice",
)

_INT64_MAX = 2**63 - 1
#: how engines written in Go say that they have no value for an unsigned property
_UNSET = UINT64_MAX
_DEVICE_TYPES = ("a", "b", "c", "u")
_DIGITS = frozenset("0123456789,- \t")


def parse_resources(document: Mapping[str, object] | None, path: str = "linux.resources", file: str = "") -> Resources:
    """
    Return the limits that a JSON object asks for.

    :param path: of the object, for errors.
    :param file: where it was read from, for errors.
    :raise SpecError: with all that is wrong in it.
    """
    faults = Faults()
    resources = _read(Reader(dict(document or {}), path, faults))
    faults.check(file)
    return resources


def _read(reader: Reader) -> Resources:
    return Resources(
        devices=tuple([_read_rule(each) for each in reader.objects("devices")]),
        memory=_read_memory(reader.object("memory")),
        cpu=_read_cpu(reader.object("cpu")),
        pids_limit=_read_pids(reader.object("pids")),
        block_io=_read_block_io(reader.object("blockIO")),
        hugepage_limits=tuple([_read_hugepages(each) for each in reader.objects("hugepageLimits")]),
        network=_read_network(reader.object("network")),
        rdma=_read_rdma(reader.object("rdma")),
        unified=_read_unified(reader),
    )


def _read_rule(reader: Reader) -> DeviceRule:
    reader.require("allow", "true or false")
    kind = reader.choice("type", _DEVICE_TYPES) if reader.fields.get("type") != "" else ""
    access = reader.text("access")
    if not access or not set(access) <= set("rwm"):
        reader.fault("access", f"found {quoted(access)}, expected letters of rwm")
    return DeviceRule(
        allow=reader.boolean("allow") or False,
        type="c" if kind == "u" else kind or "a",
        major=_number(reader, "major"),
        minor=_number(reader, "minor"),
        access="".join(letter for letter in "rwm" if letter in access),
    )


def _number(reader: Reader, name: str) -> int | None:
    """Return a device number; None for all of them, which is written as -1, too."""
    number = reader.integer(name, -1, UINT32_MAX)
    return None if number == -1 else number


def _read_memory(reader: Reader | None) -> Memory:
    if reader is None:
        return Memory()
    swappiness = None
    if reader.fields.get("swappiness") not in (-1, _UNSET):
        swappiness = reader.integer("swappiness", 0, 100)
    return Memory(
        limit=_limit(reader, "limit"),
        reservation=_limit(reader, "reservation"),
        swap=_limit(reader, "swap"),
        kernel=_limit(reader, "kernel"),
        kernel_tcp=_limit(reader, "kernelTCP"),
        swappiness=swappiness,
        disable_oom_killer=reader.boolean("disableOOMKiller") or False,
        use_hierarchy=reader.boolean("useHierarchy") or False,
        check_before_update=reader.boolean("checkBeforeUpdate") or False,
    )


def _read_cpu(reader: Reader | None) -> Cpu:
    if reader is None:
        return Cpu()
    return Cpu(
        shares=reader.integer("shares", 0, UINT64_MAX) or 0,
        quota=_limit(reader, "quota"),
        burst=reader.integer("burst", 0, UINT64_MAX),
        period=reader.integer("period", 0, UINT64_MAX) or 0,
        realtime_runtime=_limit(reader, "realtimeRuntime"),
        realtime_period=reader.integer("realtimePeriod", 0, UINT64_MAX) or 0,
        cpus=_read_list(reader, "cpus"),
        mems=_read_list(reader, "mems"),
        idle=reader.integer("idle", 0, 1),
    )


def _read_list(reader: Reader, name: str) -> str:
    text = reader.text(name)
    if not set(text) <= _DIGITS:
        reader.fault(name, f"found {quoted(text)}, expected numbers and ranges, as 0-2,4")
        return ""
    return text.strip()


def _read_pids(reader: Reader | None) -> int:
    return 0 if reader is None else _limit(reader, "limit")


def _limit(reader: Reader, name: str) -> int:
    """Return a number of which -1, and whatever else is negative, means no limit; 0 where absent."""
    return max(reader.integer(name, -_INT64_MAX, _INT64_MAX) or 0, -1)


def _read_block_io(reader: Reader | None) -> BlockIO:
    if reader is None:
        return BlockIO()
    weights = [
        WeightDevice(*_device(each), _weight(each, "weight"), _weight(each, "leafWeight"))
        for each in reader.objects("weightDevice")
    ]
    throttles = [
        Throttle(kind, index, *_device(each), each.required_integer("rate", 0, UINT64_MAX))
        for kind in THROTTLES
        for index, each in enumerate(reader.objects(kind))
    ]
    return BlockIO(_weight(reader, "weight"), _weight(reader, "leafWeight"), tuple(weights), tuple(throttles))


def _weight(reader: Reader, name: str) -> int:
    value = reader.integer(name, 0, 1000) or 0
    if 0 < value < 10:
        reader.fault(name, f"found {value}, expected a whole number from 10 to 1000")
    return value


def _device(reader: Reader) -> tuple[int, int]:
    return reader.required_integer("major", 0, UINT32_MAX), reader.required_integer("minor", 0, UINT32_MAX)


def _read_hugepages(reader: Reader) -> HugepageLimit:
    size = reader.text("pageSize") if reader.require("pageSize", "a size of pages, as 2MB") else ""
    number, unit = size[:-2], size[-2:]
    if size and not (number.isdecimal() and number.isascii() and unit in ("KB", "MB", "GB")):
        reader.fault("pageSize", f"found {quoted(size)}, expected a number and KB, MB or GB, as 2MB")
    return HugepageLimit(size, reader.required_integer("limit", 0, UINT64_MAX))


def _read_network(reader: Reader | None) -> Network:
    if reader is None:
        return Network()
    priorities = []
    for each in reader.objects("priorities"):
        name = each.text("name") if each.require("name", "the name of an interface") else ""
        if "/" in name or any(letter.isspace() for letter in name):
            each.fault("name", f"found {quoted(name)}, expected the name of an interface")
        priorities.append((name, each.required_integer("priority", 0, UINT32_MAX)))
    return Network(reader.integer("classID", 0, UINT32_MAX) or 0, tuple(priorities))


def _read_rdma(reader: Reader | None) -> tuple[Rdma, ...]:
    if reader is None:
        return ()
    made = []
    for name in reader.fields:
        inner = reader.object(name)
        if inner is not None:
            if not name or any(letter.isspace() for letter in name):
                reader.fault(name, "expected the name of a device")
            handles, objects = (inner.integer(key, 0, UINT32_MAX) for key in ("hcaHandles", "hcaObjects"))
            made.append(Rdma(name, handles, objects))
    return tuple(made)


def _read_unified(reader: Reader) -> tuple[tuple[str, str], ...]:
    pairs = reader.text_map("unified")
    for name, _ in pairs:
        if "/" in name or "." not in name.strip("."):
            expected = "the name of a file of a control group, as memory.high"
            reader.fault("unified", f"found {quoted(name)}, expected {expected}")
    return pairs
