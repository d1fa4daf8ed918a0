"""
``config.json`` of a bundle: bytes in, a frozen :class:`~runjd.spec.model.Config` out.

Every property that the specification knows is checked, and all faults of a
document are reported together, each with its JSON path.  Properties that it does
not know are ignored, which is its rule ("Extensibility" in config.md); known
ones that have no field in the model are collected by name (``unapplied``,
``foreign``), so that a runtime can refuse them.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.jsontext import read_json
from runjd.spec.model import PHASES, Config, Hook, Hooks, Mount, Root
from runjd.spec.parse_linux import read_linux, read_mappings
from runjd.spec.parse_process import parse_process, process_to_json, read_env, read_process
from runjd.spec.quote import quoted
from runjd.spec.reader import Faults, Reader, found
from runjd.spec.version import version_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.spec.model import FreeBSD

__all__ = ["parse_config", "parse_process", "process_to_json"]

_FOREIGN = ("solaris", "vm", "windows", "zos")
#: seconds; beyond it a clock of nanoseconds in 64 bits overflows
_TIMEOUT_MAX = 2**63 // 10**9


def parse_config(data: bytes, file: str) -> Config:
    """
    Return the configuration that a ``config.json`` describes.

    :param data: the whole document.
    :param file: where it was read from, for errors.
    :raise SpecError: it is not JSON (``file:line:column``), or not what the
        specification asks for (the path of the first fault, the reasons of all).
    """
    value = read_json(data, file)
    if not isinstance(value, dict):
        raise SpecError("", f"found {found(value)}, expected an object with ociVersion, root, process...", file)
    faults = Faults()
    config = _read_config(Reader(value, "", faults))
    faults.check(file)
    return config


def _read_config(reader: Reader) -> Config:
    process = reader.object("process")
    linux = reader.object("linux")
    freebsd = reader.object("freebsd")
    return Config(
        oci_version=_read_version(reader),
        root=_read_root(reader),
        process=None if process is None else read_process(process),
        hostname=reader.text("hostname"),
        domainname=reader.text("domainname"),
        mounts=_read_mounts(reader),
        hooks=_read_hooks(reader),
        annotations=reader.text_map("annotations"),
        linux=None if linux is None else read_linux(linux),
        freebsd=None if freebsd is None else _read_freebsd(freebsd),
        foreign=tuple([name for name in _FOREIGN if reader.object(name) is not None]),
    )


def _read_freebsd(reader: Reader) -> FreeBSD:
    from runjd.spec.parse_freebsd import read_freebsd

    return read_freebsd(reader)


def _read_version(reader: Reader) -> str:
    expected = "a version of the specification, as 1.3.0"
    if not reader.require("ociVersion", expected):
        return ""
    version = reader.text("ociVersion", expected)
    reason = version_fault(version)
    if reason and version == reader.fields["ociVersion"]:
        reader.fault("ociVersion", f"found {quoted(version)}, {reason}")
    return version


def _read_root(reader: Reader) -> Root | None:
    if "root" not in reader.fields and "windows" in reader.fields:
        return None
    if not reader.require("root", "an object with the path of the root file system"):
        return None
    root = reader.object("root")
    if root is None:
        return None
    path = ""
    if root.require("path", "the path of the root file system, absolute or relative to the bundle"):
        path = root.text("path")
        if root.fields["path"] == "":
            root.fault("path", "is empty; expected the path of the root file system")
    return Root(path, root.boolean("readonly") or False)


def _read_mounts(reader: Reader) -> tuple[Mount, ...]:
    # Linux: a relative destination is deprecated and means below "/"; all others: it must be absolute
    may_be_relative = "freebsd" not in reader.fields
    return tuple([_read_mount(each, may_be_relative) for each in reader.objects("mounts")])


def _read_mount(reader: Reader, may_be_relative: bool) -> Mount:
    destination = ""
    if reader.require("destination", "a path in the jail"):
        destination = reader.text("destination") if may_be_relative else reader.path_text("destination")
        if destination and destination[0] != "/":
            destination = "/" + destination
        elif may_be_relative and reader.fields["destination"] == "":
            reader.fault("destination", "is empty; expected a path in the jail")
    options = reader.texts("options")
    source = reader.text("source")
    if not source and ("bind" in options or "rbind" in options):
        reader.fault("source", "is missing; expected the path of what is to be bound")
    for name, other in (("uidMappings", "gidMappings"), ("gidMappings", "uidMappings")):
        if name in reader.fields and other not in reader.fields:
            reader.fault(other, f"is missing; expected it along with {name}")
    return Mount(
        destination=destination,
        type=reader.text("type"),
        source=source,
        options=options,
        uid_mappings=read_mappings(reader, "uidMappings"),
        gid_mappings=read_mappings(reader, "gidMappings"),
    )


def _read_hooks(reader: Reader) -> Hooks:
    hooks = reader.object("hooks")
    if hooks is None:
        return Hooks()
    return Hooks(*[tuple([_read_hook(each) for each in hooks.objects(phase)]) for phase in PHASES])


def _read_hook(reader: Reader) -> Hook:
    return Hook(
        path=reader.path_text("path") if reader.require("path", "an absolute path of a program") else "",
        args=reader.texts("args"),
        env=read_env(reader) if "env" in reader.fields else None,
        timeout=reader.integer("timeout", 1, _TIMEOUT_MAX, " seconds"),
    )
