"""``mounts[]``, ``root.readonly`` and ``freebsd.devices`` to steps. Pure."""

from __future__ import annotations

import os

from runjd.errors import SpecError, Unsupported
from runjd.runtime.freebsd import steps as s
from runjd.runtime.freebsd.compatibility import JAIL_RULESET
from runjd.runtime.freebsd.devfs_rules import parse_rule
from runjd.runtime.freebsd.options import Options, read_options
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runjd.spec.model import FreeBSDDevice, Mount

#: types of the bundle to file systems of FreeBSD
KINDS = {
    "bind": "nullfs",
    "devfs": "devfs",
    "fdescfs": "fdescfs",
    "linprocfs": "linprocfs",
    "linsysfs": "linsysfs",
    "nullfs": "nullfs",
    "procfs": "procfs",
    "tmpfs": "tmpfs",
}


def plan_mount(mount: Mount, index: int, bundle: str, mounts_files: bool) -> Iterator[object]:
    """
    Yield the steps of one entry of ``mounts``.

    :param bundle: absolute path; sources of binds are relative to it.
    :param mounts_files: see :class:`runjd.runtime.freebsd.steps.BindMount`.
    :raise SpecError: it makes no sense.
    :raise Unsupported: FreeBSD has no such file system, or option.
    """
    where = f"mounts[{index}]"
    if mount.uid_mappings or mount.gid_mappings:
        raise Unsupported(f"{where}.uidMappings", "FreeBSD has no id-mapped mounts")
    destination = _destination(mount, where)
    kind = _kind(mount, where)
    options = read_options(mount, kind, where)
    if kind == "nullfs":
        if not mount.source:
            raise SpecError(f"{where}.source", "is missing: what is to be mounted?")
        source = os.path.normpath(os.path.join(bundle, mount.source))
        yield s.BindMount(destination, source, options, mounts_files, where)
        return
    yield s.LoadFileSystem(kind, f"{where}.type")
    if kind == "devfs":
        yield from _devfs_steps(mount, destination, options, where)
    else:
        yield s.MountFileSystem(destination, kind, options, where)


def plan_devices(devices: Sequence[FreeBSDDevice], devfs: str) -> Iterator[object]:
    """
    Yield the steps that show more devices (``freebsd.devices``).

    :param devfs: where the jail has its devfs, empty where it has none.
    :raise SpecError: there is no devfs to show them in.
    """
    for index, device in enumerate(devices):
        where = f"freebsd.devices[{index}]"
        if not devfs:
            raise SpecError(where, "needs a devfs in mounts, on /dev")
        parts = device.path.split("/")
        for count in range(1, len(parts)):
            # a device in a directory that is hidden cannot be seen
            yield s.ApplyDeviceRule(devfs, "/".join(parts[:count]), True, path=where)
        yield s.ApplyDeviceRule(devfs, device.path, True, device.mode, path=where)


def devfs_of(mounts: Sequence[tuple[int, Mount]]) -> tuple[str, int]:
    """Return where the devfs of the jail is, empty where it has none, and its ruleset."""
    found = ("", JAIL_RULESET)
    for index, mount in mounts:
        if mount.type == "devfs":
            options = read_options(mount, "devfs", f"mounts[{index}]")
            ruleset = JAIL_RULESET if options.ruleset < 0 else options.ruleset
            destination = _destination(mount, f"mounts[{index}]")
            if destination == "/dev":
                return destination, ruleset
            found = (destination, ruleset)
    return found


def _devfs_steps(mount: Mount, destination: str, options: Options, where: str) -> Iterator[object]:
    if options.ruleset < 0:
        # without one it would show every device of the host
        options = options._replace(ruleset=JAIL_RULESET)
    if options.ruleset:
        yield s.CheckRuleset(options.ruleset, _option_path(mount, "ruleset=", where))
        options = options._replace(pairs=(*options.pairs, ("ruleset", str(options.ruleset))))
    yield s.MountFileSystem(destination, "devfs", options._replace(rules=()), where)
    for text in options.rules:
        yield parse_rule(text, destination, _option_path(mount, f"rule={text}", where))


def _option_path(mount: Mount, start: str, where: str) -> str:
    found = (n for n, each in enumerate(mount.options) if each.startswith(start))
    number = next(found, -1)
    return where if number < 0 else f"{where}.options[{number}]"


def _kind(mount: Mount, where: str) -> str:
    if not mount.type:
        # as with ocijail, and as the specification says of binds
        return "nullfs"
    try:
        return KINDS[mount.type]
    except KeyError:
        known = ", ".join(sorted(KINDS))
        raise Unsupported(
            f"{where}.type", f"a jail cannot be given the file system {quoted(mount.type)}; there are {known}"
        ) from None


def _destination(mount: Mount, where: str) -> str:
    parts = [part for part in mount.destination.split("/") if part not in ("", ".")]
    if not parts:
        raise SpecError(f"{where}.destination", "is the root itself")
    return "/" + "/".join(parts)
