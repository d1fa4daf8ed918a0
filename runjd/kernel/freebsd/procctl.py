"""
Reapers, and what else procctl(2) sets for a process.

Protection from the killing of processes when memory is short is refused in a
jail (EPERM, seen on 13.2): ask for it before jail_attach(2), or from the host.
"""

from __future__ import annotations

import os
import struct

from runjd.kernel.libc import addressof, c_int, c_int64, check, create_string_buffer, libc
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

_P_PID = 0
_SPROTECT = 1
_REAP_ACQUIRE = 2
_REAP_RELEASE = 3
_REAP_STATUS = 4
_REAP_GETPIDS = 5
_REAP_KILL = 6
_PDEATHSIG_CTL = 11
_NO_NEW_PRIVS_CTL = 19

# flags of a Descendant
REAPED_CHILD = 0x2
REAPED_REAPER = 0x4
REAPED_ZOMBIE = 0x8
REAPED_STOPPED = 0x10
REAPED_EXITING = 0x20
_VALID = 0x1

_PROTECT_SET, _PROTECT_CLEAR = 1, 2
_PROTECT_DESCENDANTS, _PROTECT_INHERIT = 0x10, 0x20
_KILL_CHILDREN, _KILL_SUBTREE = 0x1, 0x2
_NNP_ENABLE = 1

# flags, children, descendants, reaper, pid
_STATUS = struct.Struct("=IIIii60x")
# count, address of the records
_GETPIDS = struct.Struct("=I60xQ")
# pid, subtree, flags
_PIDINFO = struct.Struct("=iiI60x")
# signal, flags, subtree, killed, first pid that could not be
_KILL = struct.Struct("=iIiIi60x")


class ReaperStatus(Value):
    """A reaper, or a process and the pid of its ``reaper``: how many children and descendants that has."""

    is_reaper: bool
    children: int
    descendants: int
    reaper: int


class Descendant(Value):
    """A descendant of a reaper; ``subtree`` is the pid of the direct child that it came from."""

    pid: int
    subtree: int
    flags: int


def reap_acquire() -> None:
    """
    Become the reaper of the processes that we start from now on.

    :raise OSError: EBUSY where we are one.
    """
    _procctl(os.getpid(), _REAP_ACQUIRE, None)


def reap_release() -> None:
    """Stop being a reaper."""
    _procctl(os.getpid(), _REAP_RELEASE, None)


def reap_status(pid: int = 0) -> ReaperStatus:
    """Return the reaper that a process is, or has; 0: ours."""
    out = create_string_buffer(_STATUS.size)
    _procctl(pid or os.getpid(), _REAP_STATUS, out)
    flags, children, descendants, reaper, _ = _STATUS.unpack(out.raw)
    return ReaperStatus(bool(flags & 1), children, descendants, reaper)


def reap_getpids() -> list[Descendant]:
    """Return our descendants as a reaper."""
    room = 0
    while True:
        # Descendants come and go between the two calls.
        room = max(room * 2, reap_status().descendants + 16)
        records = create_string_buffer(room * _PIDINFO.size)
        _procctl(
            os.getpid(), _REAP_GETPIDS, create_string_buffer(_GETPIDS.pack(room, addressof(records)), _GETPIDS.size)
        )
        found = parse_descendants(records.raw)
        if len(found) < room:
            return found


def reap_kill(signum: int, subtree: int = 0) -> int:
    """
    Signal all our descendants as a reaper, none escapes by a fork.

    :param subtree: only those that came from this child of ours.
    :return: how many.
    :raise ProcessLookupError: there are none.
    """
    request = _KILL.pack(signum, _KILL_SUBTREE if subtree else 0, subtree, 0, 0)
    memory = create_string_buffer(request, _KILL.size)
    _procctl(os.getpid(), _REAP_KILL, memory)
    return int(_KILL.unpack(memory.raw)[3])


def set_no_new_privileges() -> None:
    """Let no later execve(2) of ours gain rights; this cannot be undone."""
    _procctl(os.getpid(), _NO_NEW_PRIVS_CTL, _int(_NNP_ENABLE))


def set_death_signal(signum: int) -> None:
    """Have this signal sent to us when our parent dies, also in a jail; 0: none.  A child does not inherit it."""
    _procctl(os.getpid(), _PDEATHSIG_CTL, _int(signum))


def protect(pid: int, on: bool, descendants: bool = False, inherit: bool = False) -> None:
    """
    Spare a process when memory is short, or do not.

    :param descendants: those it has, too.
    :param inherit: those it will have, too.
    """
    flags = _PROTECT_SET if on else _PROTECT_CLEAR
    flags |= _PROTECT_DESCENDANTS if descendants else 0
    flags |= _PROTECT_INHERIT if inherit else 0
    _procctl(pid, _SPROTECT, _int(flags))


def parse_descendants(records: bytes) -> list[Descendant]:
    """Return the descendants of an array of ``struct procctl_reaper_pidinfo``."""
    return [Descendant(pid, subtree, flags) for pid, subtree, flags in _PIDINFO.iter_unpack(records) if flags & _VALID]


def _int(value: int) -> ctypes.Array[ctypes.c_char]:
    return create_string_buffer(struct.pack("=i", value), 4)


def _procctl(pid: int, command: int, data: ctypes.Array[ctypes.c_char] | None) -> None:
    check(libc.procctl(c_int(_P_PID), c_int64(pid), c_int(command), data), f"procctl {pid}")
