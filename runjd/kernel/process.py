"""
Who a process is: a pid alone is not enough, as the kernel gives it away again.

A process is named by its pid, the time it started and the boot it started in.
On Linux the start time is in clock ticks since boot (proc_pid_stat(5), field
22); on FreeBSD it is ``ki_start`` minus ``kern.boottime`` in microseconds, the
only form that does not move when somebody sets the clock.
"""

from __future__ import annotations

import os
import sys

from runjd.values import Value

#: of the flags in proc_pid_stat(5)
_PF_EXITING = 0x4
_IS_LINUX = sys.platform == "linux"


class Seen(Value):
    """One process as the kernel shows it; a zombie is not alive, one that is about to become one still is."""

    pid: int
    parent: int
    session: int
    start_time: int
    alive: bool
    exiting: bool = False


def look(pid: int) -> Seen | None:
    """Return what the kernel says of a process, None where there is none of that pid."""
    if pid <= 0:
        return None
    if not _IS_LINUX:
        from runjd.kernel.freebsd import processes

        return processes.look(pid)
    text = _read_stat(pid)
    return _parse_stat(pid, text) if text else None


def zombie_status(pid: int, started: int) -> int | None:
    """
    Return the status, as wait(2) gives it, of a zombie that need not be our child (Linux).

    :return: None where there is no such zombie, or its status is not shown to us.
    """
    text = _read_stat(pid)
    seen = _parse_stat(pid, text) if text else None
    if seen is None or seen.alive or seen.start_time != started:
        return None
    try:
        # Shown to those who see the status: to others it is 0.
        os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None
    return int(text.rsplit(None, 1)[1])


def everyone() -> list[Seen]:
    """Return all processes of the host that we may see, each once."""
    if not _IS_LINUX:
        from runjd.kernel.freebsd import processes

        return processes.everyone()
    found = (look(int(name)) for name in os.listdir("/proc") if name.isdecimal())
    return [each for each in found if each is not None]


def start_time(pid: int) -> int:
    """
    Return when a process started, in the platform's own unit.

    :raise ProcessLookupError: there is no such process.
    """
    seen = look(pid)
    if seen is None:
        raise ProcessLookupError(3, "No such process", str(pid))
    return seen.start_time


def is_alive(pid: int, started: int) -> bool:
    """Whether the process of that pid is still the one that started then, and not a zombie."""
    seen = look(pid)
    return seen is not None and seen.alive and seen.start_time == started


def boot_id() -> str:
    """Return what identifies this boot of the host."""
    if not _IS_LINUX:
        from runjd.kernel.freebsd import processes

        return processes.boot_id()
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read(64).decode("ascii").strip()


def _read_stat(pid: int) -> bytes:
    """Return what stands in proc_pid_stat(5); empty where there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # PermissionError: another's, on a procfs with hidepid
        return b""
    try:
        return os.read(descriptor, 4096)
    except ProcessLookupError:
        return b""
    finally:
        os.close(descriptor)


def _parse_stat(pid: int, text: bytes) -> Seen:
    # The name may hold spaces and parentheses; only the last one ends it.
    fields = text[text.rindex(b")") + 2 :].split(None, 20)
    return Seen(
        pid,
        int(fields[1]),
        int(fields[3]),
        int(fields[19]),
        fields[0] not in b"ZXx",
        bool(int(fields[6]) & _PF_EXITING),
    )
