"""
Processes of FreeBSD by sysctl(3), because procfs is not mounted there.

Offsets of ``struct kinfo_proc`` (1088 bytes on 64-bit machines) were checked on
FreeBSD 13.2 and are guarded by ``ki_structsize``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from runjd.kernel.libc import libc
from runjd.kernel.process import Seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CTL_KERN = 1
_KERN_PROC = 14
_KERN_BOOTTIME = 21
_KERN_PROC_PID = 1
_KERN_PROC_PROC = 8
_SIZE = 1088
_ZOMBIE = 5


def look(pid: int) -> Seen | None:
    """Return one process, None where there is none."""
    try:
        records = _sysctl((_CTL_KERN, _KERN_PROC, _KERN_PROC_PID, pid))
    except ProcessLookupError:
        return None
    return parse(records, _boot_microseconds())[0] if records else None


def everyone() -> list[Seen]:
    """Return all processes."""
    return parse(_sysctl((_CTL_KERN, _KERN_PROC, _KERN_PROC_PROC)), _boot_microseconds())


def boot_id() -> str:
    """
    Return what identifies this boot.

    FreeBSD before 14 has no boot id, and the boot time moves with the clock; the
    start of pid 1 in relation to it does not, but is nearly the same at every boot.
    So the host's uuid stands beside the id that the kernel gives where it does.
    """
    for name in (b"kern.boot_id\0", b"kern.hostuuid\0"):
        try:
            return _sysctl_by_name(name).rstrip(b"\0").decode("ascii", "replace")
        except FileNotFoundError:
            continue
    return "unknown"


def parse(records: bytes, boot_microseconds: int) -> list[Seen]:
    """
    Return the processes of an array of ``struct kinfo_proc``.

    :raise OSError: the kernel's structure is not the one we know.
    """
    found = []
    for offset in range(0, len(records) - _SIZE + 1, _SIZE):
        if struct.unpack_from("<i", records, offset)[0] != _SIZE:
            raise OSError(errno.EPROTONOSUPPORT, "struct kinfo_proc is of another size; runjd must be taught it")
        pid, parent = struct.unpack_from("<ii", records, offset + 72)
        session = struct.unpack_from("<i", records, offset + 88)[0]
        seconds, microseconds = struct.unpack_from("<qq", records, offset + 336)
        state = records[offset + 388]
        start = seconds * 1_000_000 + microseconds - boot_microseconds
        found.append(Seen(pid, parent, session, start, state != _ZOMBIE))
    return found


def _boot_microseconds() -> int:
    seconds, microseconds = struct.unpack_from("<qq", _sysctl((_CTL_KERN, _KERN_BOOTTIME)))
    return int(seconds * 1_000_000 + microseconds)


def _sysctl(name: tuple[int, ...]) -> bytes:
    mib = (ctypes.c_int * len(name))(*name)
    return _read(lambda out, size: int(libc.sysctl(mib, len(name), out, size, None, 0)))


def _sysctl_by_name(name: bytes) -> bytes:
    return _read(lambda out, size: int(libc.sysctlbyname(name, out, size, None, 0)))


def _read(call: Callable[[object, object], int]) -> bytes:
    size = ctypes.c_size_t(0)
    while True:
        if call(None, ctypes.byref(size)) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "sysctl")
        # Processes come and go between the two calls.
        size.value += size.value // 8 + 1024
        out = ctypes.create_string_buffer(size.value)
        if call(out, ctypes.byref(size)) == 0:
            return out.raw[: size.value]
        code = ctypes.get_errno()
        if code != errno.ENOMEM:
            raise OSError(code, os.strerror(code), "sysctl")
