"""
Processes of FreeBSD by sysctl(3), because procfs is not mounted there.

Offsets of ``struct kinfo_proc`` (1088 bytes on 64-bit machines) were checked on
FreeBSD 13.2 and are guarded by ``ki_structsize``.
"""

from __future__ import annotations

import errno
import struct

from runjd.kernel.freebsd.sysctl import sysctl, sysctl_text
from runjd.kernel.process import Seen
from runjd.values import Value

_CTL_KERN = 1
_KERN_PROC = 14
_KERN_BOOTTIME = 21
_KERN_PROC_PID = 1
# KERN_PROC_ALL (0) gives one record for each thread.
_KERN_PROC_PROC = 8
_SIZE = 1088
_ZOMBIE = 5
_PIDS = struct.Struct("=5i")  # pid, parent, group, of the terminal, session
_START = struct.Struct("=qq")


class KernelProcess(Value):
    """
    One process as the kernel shows it.

    :ivar start_time: microseconds since boot; ``ki_start`` itself moves when the clock is set.
    :ivar jid: of its jail; 0 for the host's, and for all of a jail as seen from within.
    :ivar exit_status: of a zombie, as wait(2) gives it.
    :ivar cpu: seconds on the processors, of itself and of the children that it waited for.
    :ivar resident: pages that are in memory.
    """

    pid: int
    parent: int
    group: int
    session: int
    uid: int
    jid: int
    start_time: int
    alive: bool
    command: str
    exit_status: int
    cpu: float = 0.0
    resident: int = 0


def process(pid: int) -> KernelProcess | None:
    """Return one process, None where there is none."""
    try:
        records = sysctl((_CTL_KERN, _KERN_PROC, _KERN_PROC_PID, pid))
    except ProcessLookupError:
        return None
    return parse(records, boot_time())[0] if records else None


def processes() -> list[KernelProcess]:
    """Return all processes that we may see; those of a jail are the ones with its jid."""
    return parse(sysctl((_CTL_KERN, _KERN_PROC, _KERN_PROC_PROC)), boot_time())


def boot_time() -> int:
    """Return when the kernel started, in microseconds since 1970; it moves when the clock is set."""
    seconds, microseconds = _START.unpack_from(sysctl((_CTL_KERN, _KERN_BOOTTIME)))
    return int(seconds * 1_000_000 + microseconds)


def look(pid: int) -> Seen | None:
    """Return what is common to all platforms of one process, None where there is none."""
    found = process(pid)
    return None if found is None else _seen(found)


def everyone() -> list[Seen]:
    """Return what is common to all platforms of all processes."""
    return [_seen(each) for each in processes()]


def boot_id() -> str:
    """
    Return what identifies this boot.

    FreeBSD before 14 has no boot id, and the boot time moves with the clock; the
    start of pid 1 in relation to it does not, but is nearly the same at every boot.
    So the host's uuid stands beside the id that the kernel gives where it does.
    """
    for name in ("kern.boot_id", "kern.hostuuid"):
        try:
            return sysctl_text(name)
        except FileNotFoundError:
            continue
    return "unknown"


def parse(records: bytes, boot_microseconds: int) -> list[KernelProcess]:
    """
    Return the processes of an array of ``struct kinfo_proc``.

    :raise OSError: the kernel's structure is not the one we know.
    """
    found = []
    for offset in range(0, len(records) - _SIZE + 1, _SIZE):
        record = records[offset : offset + _SIZE]
        if struct.unpack_from("=i", record)[0] != _SIZE:
            raise OSError(errno.EPROTONOSUPPORT, "struct kinfo_proc is of another size; runjd must be taught it")
        pid, parent, group, _, session = _PIDS.unpack_from(record, 72)
        seconds, microseconds = _START.unpack_from(record, 336)
        children = _START.unpack_from(record, 352)
        found.append(
            KernelProcess(
                pid,
                parent,
                group,
                session,
                struct.unpack_from("=I", record, 168)[0],
                struct.unpack_from("=i", record, 592)[0],
                seconds * 1_000_000 + microseconds - boot_microseconds,
                record[388] != _ZOMBIE,
                record[447:467].partition(b"\0")[0].decode("utf-8", "replace"),
                struct.unpack_from("=H", record, 304)[0],
                # ki_runtime, ki_childtime, ki_rssize
                (struct.unpack_from("=Q", record, 328)[0] + children[0] * 1_000_000 + children[1]) / 1e6,
                struct.unpack_from("=q", record, 264)[0],
            )
        )
    return found


def _seen(each: KernelProcess) -> Seen:
    return Seen(each.pid, each.parent, each.session, each.start_time, each.alive)
