"""
Exchange the file that this process runs from, without starting anew.

The kernel holds on to it for as long as it runs, for ``/proc/PID/exe`` and by each
mapping of it, and lets go of it by prctl(2), "PR_SET_MM", once nothing of it is
mapped any more.  So each mapping is made again, of the same content at the same
place: what was never written to, of the same file behind another mount, and the
rest of memory that is no file's.
"""

from __future__ import annotations

import errno
import os
import struct

from runjd.kernel.in_turn import call_in_turn
from runjd.kernel.layout import Mapping, is_written, mappings_of, own_layout
from runjd.kernel.libc import c_int, c_long, c_size_t, c_ulong, c_void_p, check, held_libc, libc

_PROT_EXEC = 4
_PROT_READ_WRITE = 3
_MAP_PRIVATE = 0x02
_MAP_FIXED = 0x10
_MAP_ANONYMOUS = 0x20
_MAP_POPULATE = 0x8000
_MREMAP_MAYMOVE = 1
_MREMAP_FIXED = 2
_PR_SET_MM = 35
_PR_SET_MM_MAP = 14
_FAILED = 2 ** (8 * struct.calcsize("P")) - 1


def exchange_executable(descriptor: int) -> None:
    """
    Run from another file.

    For programs with one thread.  Where it fails everything goes on from the file before, and from the other one.

    :param descriptor: of the same file behind another mount.
    :raise OSError: it cannot be done: EPERM: without CAP_SYS_ADMIN; EBUSY: something of it is still mapped.
    """
    path = os.readlink(b"/proc/self/exe")
    written = []
    for mapping in mappings_of(path, _read("/proc/self/maps")):
        if is_written(mapping):
            written.append(mapping)
        else:
            _mmap(mapping.start, mapping.size, mapping.rights, _MAP_PRIVATE | _MAP_FIXED, descriptor, mapping.offset)
    _copy(written)
    _set_executable(descriptor)


def _copy(written: list[Mapping]) -> None:
    """Put copies in their places, which must not be older than the last thing that Python wrote there."""
    calls: list[tuple[object, ...]] = []
    for start, size, rights, _offset in written:
        if rights & _PROT_EXEC:
            # what was written and is executed is more than we understand
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), "mmap")
        copy = _mmap(0, size, _PROT_READ_WRITE, _MAP_PRIVATE | _MAP_ANONYMOUS | _MAP_POPULATE, -1, 0)
        source, target, length = c_void_p(start), c_void_p(copy), c_size_t(size)
        calls.append((held_libc.memmove, target, source, length))
        calls.append((held_libc.mremap, target, length, length, c_long(_MREMAP_MAYMOVE | _MREMAP_FIXED), source))
    call_in_turn(*calls)
    for start, size, rights, _offset in written:
        if rights != _PROT_READ_WRITE:
            check(libc.mprotect(c_void_p(start), c_size_t(size), c_int(rights)), "mprotect")


def _mmap(start: int, size: int, rights: int, flags: int, descriptor: int, offset: int) -> int:
    libc.mmap.restype = c_void_p
    where = (c_void_p(start), c_size_t(size), c_int(rights), c_int(flags), c_int(descriptor), c_long(offset))
    found = libc.mmap(*where)
    return check(-1 if found == _FAILED else found, "mmap")


def _set_executable(descriptor: int) -> None:
    where = own_layout()
    # What the kernel takes is everything it knows, or nothing.
    wanted = struct.Struct("=12QIi")
    now = where.start_code, where.end_code, where.start_data, where.end_data, where.start_brk
    then = where.start_stack, where.arg_start, where.arg_end, where.env_start, where.env_end
    libc.sbrk.restype = c_ulong
    told = wanted.pack(*now, libc.sbrk(c_long(0)), *then, 0, 0, descriptor)
    zero = c_ulong(0)
    check(libc.prctl(c_int(_PR_SET_MM), c_ulong(_PR_SET_MM_MAP), told, c_ulong(wanted.size), zero), "PR_SET_MM_MAP")


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = []
        while part := os.read(descriptor, 1 << 16):
            found.append(part)
        return b"".join(found)
    finally:
        os.close(descriptor)
