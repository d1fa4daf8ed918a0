"""
``mounts[]`` to steps, by the option table of mount(8) and runc(8). Pure.

On a bind, options that would loosen what the source has (``rw``, ``suid``,
``dev``, ``exec``) leave it as it is: a file system that the administrator mounted
read-only stays so.  Their recursive forms (``rrw``) say it on purpose.
"""

from __future__ import annotations

import os

from runjd.errors import SpecError, Unsupported
from runjd.kernel import mount as m
from runjd.runtime.linux.steps import BindMount, MountCgroups, MountFileSystem, Remount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.spec.model import Mount

    MountStep = BindMount | MountCgroups | MountFileSystem | Remount

#: option -> (bits, whether it clears them), as mount(2) takes them
FLAGS = {
    "acl": (0, False),
    "async": (m.MS_SYNCHRONOUS, True),
    "atime": (m.MS_NOATIME, True),
    "bind": (m.MS_BIND, False),
    "defaults": (0, False),
    "dev": (m.MS_NODEV, True),
    "diratime": (m.MS_NODIRATIME, True),
    "dirsync": (m.MS_DIRSYNC, False),
    "exec": (m.MS_NOEXEC, True),
    "iversion": (m.MS_I_VERSION, False),
    "lazytime": (m.MS_LAZYTIME, False),
    "loud": (m.MS_SILENT, True),
    "mand": (m.MS_MANDLOCK, False),
    "noatime": (m.MS_NOATIME, False),
    "nodev": (m.MS_NODEV, False),
    "nodiratime": (m.MS_NODIRATIME, False),
    "noexec": (m.MS_NOEXEC, False),
    "noiversion": (m.MS_I_VERSION, True),
    "nolazytime": (m.MS_LAZYTIME, True),
    "nomand": (m.MS_MANDLOCK, True),
    "norelatime": (m.MS_RELATIME, True),
    "nostrictatime": (m.MS_STRICTATIME, True),
    "nosuid": (m.MS_NOSUID, False),
    "nosymfollow": (m.MS_NOSYMFOLLOW, False),
    "rbind": (m.MS_BIND | m.MS_REC, False),
    "relatime": (m.MS_RELATIME, False),
    "remount": (m.MS_REMOUNT, False),
    "ro": (m.MS_RDONLY, False),
    "rw": (m.MS_RDONLY, True),
    "silent": (m.MS_SILENT, False),
    "strictatime": (m.MS_STRICTATIME, False),
    "suid": (m.MS_NOSUID, True),
    "symfollow": (m.MS_NOSYMFOLLOW, True),
    "sync": (m.MS_SYNCHRONOUS, False),
}

PROPAGATIONS = {
    "private": m.MS_PRIVATE,
    "shared": m.MS_SHARED,
    "slave": m.MS_SLAVE,
    "unbindable": m.MS_UNBINDABLE,
    "rprivate": m.MS_PRIVATE | m.MS_REC,
    "rshared": m.MS_SHARED | m.MS_REC,
    "rslave": m.MS_SLAVE | m.MS_REC,
    "runbindable": m.MS_UNBINDABLE | m.MS_REC,
}

_ATIME = m.MOUNT_ATTR__ATIME

#: option -> (MOUNT_ATTR bits to set, bits to clear), for the mount and all below it
RECURSIVE = {
    "rro": (m.MOUNT_ATTR_RDONLY, 0),
    "rrw": (0, m.MOUNT_ATTR_RDONLY),
    "rnosuid": (m.MOUNT_ATTR_NOSUID, 0),
    "rsuid": (0, m.MOUNT_ATTR_NOSUID),
    "rnodev": (m.MOUNT_ATTR_NODEV, 0),
    "rdev": (0, m.MOUNT_ATTR_NODEV),
    "rnoexec": (m.MOUNT_ATTR_NOEXEC, 0),
    "rexec": (0, m.MOUNT_ATTR_NOEXEC),
    "rnodiratime": (m.MOUNT_ATTR_NODIRATIME, 0),
    "rdiratime": (0, m.MOUNT_ATTR_NODIRATIME),
    "rnosymfollow": (m.MOUNT_ATTR_NOSYMFOLLOW, 0),
    "rsymfollow": (0, m.MOUNT_ATTR_NOSYMFOLLOW),
    "rrelatime": (m.MOUNT_ATTR_RELATIME, _ATIME),
    "rnorelatime": (m.MOUNT_ATTR_STRICTATIME, _ATIME),
    "rnoatime": (m.MOUNT_ATTR_NOATIME, _ATIME),
    "ratime": (m.MOUNT_ATTR_RELATIME, _ATIME),
    "rstrictatime": (m.MOUNT_ATTR_STRICTATIME, _ATIME),
    "rnostrictatime": (m.MOUNT_ATTR_RELATIME, _ATIME),
}

#: what a bind can have of its own; the rest of the flags belongs to the file system
_OF_A_MOUNT = {
    m.MS_RDONLY: m.MOUNT_ATTR_RDONLY,
    m.MS_NOSUID: m.MOUNT_ATTR_NOSUID,
    m.MS_NODEV: m.MOUNT_ATTR_NODEV,
    m.MS_NOEXEC: m.MOUNT_ATTR_NOEXEC,
    m.MS_NODIRATIME: m.MOUNT_ATTR_NODIRATIME,
    m.MS_NOSYMFOLLOW: m.MOUNT_ATTR_NOSYMFOLLOW,
}
_ATIMES = {
    m.MS_NOATIME: m.MOUNT_ATTR_NOATIME,
    m.MS_RELATIME: m.MOUNT_ATTR_RELATIME,
    m.MS_STRICTATIME: m.MOUNT_ATTR_STRICTATIME,
}
_OF_A_FILE_SYSTEM = ("sync", "dirsync", "mand", "iversion", "lazytime")


class _Options:
    """What a list of options says, summed up."""

    def __init__(self, mount: Mount, where: str) -> None:
        self.flags = 0
        self.set = 0
        self.clear = 0
        self.propagation: tuple[int, ...] = ()
        self.copies_up = False
        data = []
        for index, option in enumerate(mount.options):
            if option in FLAGS:
                bits, clears = FLAGS[option]
                self.flags = self.flags & ~bits if clears else self.flags | bits
            elif option in PROPAGATIONS:
                self.propagation += (PROPAGATIONS[option],)
            elif option in RECURSIVE:
                bits, cleared = RECURSIVE[option]
                # The last word about a bit counts.
                self.set = self.set & ~(bits | cleared) | bits
                self.clear = self.clear & ~bits | cleared
            elif option == "tmpcopyup":
                if mount.type != "tmpfs":
                    raise SpecError(f"{where}.options[{index}]", "tmpcopyup is for tmpfs")
                self.copies_up = True
            elif option in ("idmap", "ridmap"):
                raise Unsupported(f"{where}.options[{index}]", "id-mapped mounts are not supported")
            else:
                data.append((index, option))
        self._unknown = data
        self.data = ",".join(option for _index, option in data)

    def refuse_data(self, mount: Mount, where: str) -> None:
        """Refuse what only a file system of its own could be told."""
        for index, option in self._unknown:
            raise Unsupported(f"{where}.options[{index}]", f'a bind mount cannot be told "{option}"')
        for index, option in enumerate(mount.options):
            if option in _OF_A_FILE_SYSTEM:
                raise Unsupported(
                    f"{where}.options[{index}]", f'"{option}" belongs to the file system, not to a bind mount of it'
                )


def plan_mount(mount: Mount, index: int, bundle: str) -> MountStep:
    """
    Return the step that one entry of ``mounts`` asks for.

    :param bundle: absolute path; sources of binds are relative to it.
    :raise SpecError: an option or the destination makes no sense.
    :raise Unsupported: an option cannot be applied.
    """
    where = f"mounts[{index}]"
    destination = _destination(mount, where)
    said = _Options(mount, where)
    options = mount.options
    is_bind = bool(said.flags & m.MS_BIND) or mount.type == "bind"
    if said.flags & m.MS_REMOUNT:
        set_bits, clear_bits = mount_attributes(said.flags)
        flags = said.flags & ~(m.MS_BIND | m.MS_REC)
        kind = "bind" if is_bind else mount.type
        return Remount(destination, kind, flags, said.data, set_bits, clear_bits, options, where)
    if is_bind:
        said.refuse_data(mount, where)
        if not mount.source:
            raise SpecError(f"{where}.source", "is missing: what is to be bound?")
        set_bits, clear_bits = mount_attributes(said.flags)
        return BindMount(
            destination,
            os.path.normpath(os.path.join(bundle, mount.source)),
            bool(said.flags & m.MS_REC),
            set_bits,
            clear_bits,
            said.set,
            said.clear,
            said.propagation or (m.MS_PRIVATE | m.MS_REC,),
            options,
            where,
        )
    if not mount.type:
        raise SpecError(f"{where}.type", "is missing")
    if mount.type == "cgroup":
        # Flags of the file systems (relatime) mean nothing here, and data belongs to the host's hierarchies.
        return MountCgroups(destination, said.flags, mount_attributes(said.flags)[0], options, where)
    return MountFileSystem(
        destination,
        mount.type,
        mount.source or mount.type,
        said.flags,
        said.data,
        options,
        said.propagation,
        said.copies_up,
        said.set,
        said.clear,
        where,
    )


def mount_attributes(flags: int) -> tuple[int, int]:
    """Return the MOUNT_ATTR bits to set and to clear for MS flags."""
    set_bits = clear_bits = 0
    for flag, attribute in _OF_A_MOUNT.items():
        if flags & flag:
            set_bits |= attribute
    for flag, attribute in _ATIMES.items():
        if flags & flag:
            set_bits = set_bits & ~_ATIME | attribute
            clear_bits |= _ATIME
    return set_bits, clear_bits


def _destination(mount: Mount, where: str) -> str:
    """Return the destination as an absolute path without ``.`` and ``//``; ``..`` is kept, as links count."""
    if "\0" in mount.destination:
        raise SpecError(f"{where}.destination", "has a NUL in it")
    parts = [part for part in mount.destination.split("/") if part not in ("", ".")]
    if not parts:
        raise SpecError(f"{where}.destination", "is the root itself")
    return "/" + "/".join(parts)
