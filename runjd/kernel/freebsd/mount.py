"""
Mounts: nmount(2), unmount(2), statfs(2), fstatfs(2), getfsstat(2).

nmount says EINVAL with "Invalid fstype" for whatever it does not find: file
system, source or mount point (seen on 13.2).  Look at the paths first.  A
directory over itself and, on some kernels, a file over a file bring the machine
down: compare device and inode first.
"""

from __future__ import annotations

import struct

from runjd.kernel.freebsd.iovec import call
from runjd.kernel.freebsd.parameters import encode
from runjd.kernel.libc import c_int, c_long, c_uint, check, create_string_buffer, libc
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.parameters import Parameters

MNT_RDONLY = 0x1
MNT_SYNCHRONOUS = 0x2
MNT_NOEXEC = 0x4
MNT_NOSUID = 0x8
MNT_UNION = 0x20
MNT_ASYNC = 0x40
MNT_UPDATE = 0x10000
MNT_FORCE = 0x80000
MNT_SUIDDIR = 0x100000
MNT_NOSYMFOLLOW = 0x400000
MNT_IGNORE = 0x800000
MNT_BYFSID = 0x8000000
MNT_NOATIME = 0x10000000

_MNT_NOWAIT = 2
_VERSION = 0x20140518
_SIZE = 2344
_FLAGS = struct.Struct("=Q")
_FSID = struct.Struct("=ii")


class Mount(Value):
    """One mounted file system; ``fsid`` names it whatever its path is now."""

    type: str
    source: str
    target: str
    flags: int
    fsid: tuple[int, int]


def nmount(options: Parameters, flags: int = 0) -> None:
    """
    Mount a file system, or change one with MNT_UPDATE.

    :param options: ``fstype``, ``fspath``, ``from`` and the options of the file system;
        True is an option without a value.
    """
    pairs = encode(options)
    where = next((value for name, value in pairs if name == "fspath"), None) or b""
    what = where.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    call(what, pairs, lambda vector: int(libc.nmount(vector.array, c_uint(vector.count), c_int(flags))))


def unmount(target: str, flags: int = 0) -> None:
    """
    Take the topmost mount of a path away.

    :raise OSError: EINVAL where nothing is mounted, or there is no such path; EBUSY.
    """
    check(libc.unmount(target.encode("utf-8", "surrogateescape"), c_int(flags)), target)


def unmount_fsid(fsid: tuple[int, int], flags: int = 0) -> None:
    """
    Take a mount away by what names it for good.

    :raise FileNotFoundError: it is gone.
    """
    name = f"FSID:{fsid[0]}:{fsid[1]}"
    check(libc.unmount(name.encode("ascii"), c_int(flags | MNT_BYFSID)), name)


def statfs(path: str) -> Mount:
    """Return the file system that a path is on."""
    out = create_string_buffer(_SIZE)
    check(libc.statfs(path.encode("utf-8", "surrogateescape"), out), path)
    return parse(out.raw)[0]


def fstatfs(descriptor: int) -> Mount:
    """Return the file system that an open file is on, whatever its path leads to now."""
    out = create_string_buffer(_SIZE)
    check(libc.fstatfs(c_int(descriptor), out), "fstatfs")
    return parse(out.raw)[0]


def getfsstat() -> list[Mount]:
    """Return all mounts that we may see, in the order they were made."""
    count = check(libc.getfsstat(None, c_long(0), c_int(_MNT_NOWAIT)), "getfsstat")
    while True:
        room = count + 8
        out = create_string_buffer(room * _SIZE)
        count = check(libc.getfsstat(out, c_long(len(out)), c_int(_MNT_NOWAIT)), "getfsstat")
        # The kernel says how many it wrote: with no room left there may be more.
        if count < room:
            return parse(out.raw[: count * _SIZE])


def parse(records: bytes) -> list[Mount]:
    """
    Return the mounts of an array of ``struct statfs``.

    :raise OSError: the kernel's structure is not the one we know.
    """
    return [_parse(records[at : at + _SIZE]) for at in range(0, len(records) - _SIZE + 1, _SIZE)]


def _parse(record: bytes) -> Mount:
    if struct.unpack_from("=I", record)[0] != _VERSION:
        raise OSError(0, "struct statfs is of another version; runjd must be taught it")
    return Mount(
        _text(record[280:296]),
        _text(record[296:1320]),
        _text(record[1320:2344]),
        _FLAGS.unpack_from(record, 8)[0],
        _FSID.unpack_from(record, 192),
    )


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")
