"""
The ``linux`` object of ``config.json``.

Specification: config-linux.md.  ``resources`` stays JSON: the room that applies
it knows its properties.
"""

from __future__ import annotations

from runjd.spec.model import IdMapping, Linux, LinuxDevice, Namespace, TimeOffset
from runjd.spec.quote import quoted
from runjd.spec.reader import ID_MAX, UINT32_MAX, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.spec.model import Seccomp

#: properties of the specification that have no field in the model; all are objects
UNAPPLIED = ("intelRdt", "memoryPolicy", "netDevices")

NAMESPACES = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")

#: the specification's four, and the recursive ones that engines write in their stead
_PROPAGATIONS = ("private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable")
_DOMAINS = ("LINUX", "LINUX32")
_CLOCKS = ("monotonic", "boottime")
_DEVICE_TYPES = ("c", "b", "u", "p")
#: what st_mode says of them above its lowest twelve bits: fifo, character device, block device; inode(7)
_TYPES_OF_FILES = (0o1, 0o2, 0o6)
#: makedev(3) of Linux: 12 bits of major number, 20 of minor number
_MAJOR_MAX, _MINOR_MAX = 2**12 - 1, 2**20 - 1


def read_linux(reader: Reader) -> Linux:
    """Return the object; what is wrong is noted in the reader's faults."""
    return Linux(
        namespaces=_read_namespaces(reader),
        uid_mappings=read_mappings(reader, "uidMappings"),
        gid_mappings=read_mappings(reader, "gidMappings"),
        devices=_read_devices(reader),
        cgroups_path=reader.text("cgroupsPath"),
        resources=_read_json(reader, "resources"),
        seccomp=_read_seccomp(reader),
        sysctl=reader.text_map("sysctl"),
        masked_paths=reader.path_texts("maskedPaths"),
        readonly_paths=reader.path_texts("readonlyPaths"),
        rootfs_propagation=reader.choice("rootfsPropagation", _PROPAGATIONS),
        mount_label=reader.text("mountLabel"),
        personality=_read_personality(reader),
        time_offsets=_read_time_offsets(reader),
        unapplied=reader.asked_for(UNAPPLIED),
    )


def read_mappings(reader: Reader, name: str) -> tuple[IdMapping, ...]:
    """Return id mappings, of a user namespace or of a mount."""
    if name not in reader.fields:
        return ()
    made = []
    for each in reader.objects(name):
        mapping = IdMapping(
            container_id=each.required_integer("containerID", 0, ID_MAX),
            host_id=each.required_integer("hostID", 0, ID_MAX),
            size=each.required_integer("size", 1, UINT32_MAX),
        )
        if max(mapping.container_id, mapping.host_id) + mapping.size - 1 > UINT32_MAX:
            each.fault("size", f"found {mapping.size}, expected a range that ends at {UINT32_MAX} at most")
        made.append(mapping)
    return tuple(made)


def _read_namespaces(reader: Reader) -> tuple[Namespace, ...]:
    made: dict[str, Namespace] = {}
    for each in reader.objects("namespaces"):
        if not each.require("type", f"one of {', '.join(NAMESPACES)}"):
            continue
        kind = each.choice("type", NAMESPACES)
        if kind in made and kind in NAMESPACES:
            each.fault("type", f"{quoted(kind)} appears twice")
        path = each.path_text("path", "an absolute path of a namespace file") if each.fields.get("path") != "" else ""
        made[kind] = Namespace(kind, path)
    return tuple(made.values())


def _read_devices(reader: Reader) -> tuple[LinuxDevice, ...]:
    if "devices" not in reader.fields:
        return ()
    return tuple([_read_device(each) for each in reader.objects("devices")])


def _read_file_mode(reader: Reader) -> int | None:
    """Read the permissions; engines copy all of st_mode from a device of the host, with the bits of its type."""
    mode = reader.fields.get("fileMode")
    if type(mode) is int and mode >> 12 in _TYPES_OF_FILES:
        return mode & 0o777
    return reader.integer("fileMode", 0, 0o777, " (decimal: 438 is 0666)")


def _read_device(reader: Reader) -> LinuxDevice:
    kind = reader.choice("type", _DEVICE_TYPES) if reader.require("type", f"one of {', '.join(_DEVICE_TYPES)}") else ""
    path = reader.path_text("path") if reader.require("path", "an absolute path in the jail") else ""
    major = reader.integer("major", 0, _MAJOR_MAX)
    minor = reader.integer("minor", 0, _MINOR_MAX)
    if kind in ("c", "b", "u"):
        reader.require("major", "the major number of the device")
        reader.require("minor", "the minor number of the device")
    return LinuxDevice(
        type=kind,
        path=path,
        major=major,
        minor=minor,
        file_mode=_read_file_mode(reader),
        uid=reader.integer("uid", 0, ID_MAX),
        gid=reader.integer("gid", 0, ID_MAX),
    )


def _read_seccomp(reader: Reader) -> Seccomp | None:
    seccomp = reader.object("seccomp")
    if seccomp is None:
        return None
    from runjd.spec.parse_seccomp import read_seccomp

    return read_seccomp(seccomp)


def _read_personality(reader: Reader) -> str:
    personality = reader.object("personality")
    if personality is None or not personality.require("domain", f"one of {', '.join(_DOMAINS)}"):
        return ""
    for index, each in enumerate(personality.texts("flags")):
        personality.fault_at("flags", index, f"found {quoted(each)}; the specification knows no flag yet")
    return personality.choice("domain", _DOMAINS)


def _read_time_offsets(reader: Reader) -> tuple[TimeOffset, ...]:
    offsets = reader.object("timeOffsets")
    made = []
    for clock in _CLOCKS if offsets is not None else ():
        offset = offsets.object(clock) if offsets is not None else None
        if offset is not None:
            secs = offset.integer("secs", -(2**63), 2**63 - 1) or 0
            made.append(TimeOffset(clock, secs, offset.integer("nanosecs", 0, 10**9 - 1) or 0))
    return tuple(made)


def _read_json(reader: Reader, name: str) -> dict[str, object] | None:
    inner = reader.object(name)
    return None if inner is None else inner.fields
