"""
Signal a process, and learn how it ended, by a descriptor, which names it even when its pid is another's.

Linux pidfd_open(2), pidfd_send_signal(2), PIDFD_GET_INFO (include/uapi/linux/pidfd.h).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import os
import select
import sys

#: the kernel that keeps the status of who was reaped, for those who hold a descriptor of him
KEEPS_STATUS = (6, 15)

# _IOWR(0xFF, 11, struct pidfd_info), the first form of which has 64 bytes
_PIDFD_GET_INFO = 0xC040FF0B
_INFO_SIZE = 64
# u64 mask, u64 cgroupid, eleven u32 of ids, s32 exit_code
_MASK = slice(0, 8)
_EXIT_CODE = slice(60, 64)
_PIDFD_INFO_EXIT = 1 << 3


def pidfd_open(pid: int) -> int:
    """
    Return a descriptor of a process; close it with os.close.

    Check the start time *after* this call: from here on the descriptor cannot
    change its mind.
    """
    return os.pidfd_open(pid, 0)


def pidfd_send_signal(pidfd: int, signum: int) -> None:
    """Send a signal; ProcessLookupError where it has been reaped."""
    _signal.pidfd_send_signal(pidfd, signum)


def wait_ended(pidfd: int, seconds: float) -> bool:
    """Wait until the process is dead, a zombie or gone; False when the time is up."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def pidfd_exit_status(pidfd: int) -> int | None:
    """
    Return the status, as wait(2) gives it, of a process that its parent has reaped.

    :return: None where it was not reaped yet, or the kernel is older than 6.15 and does not keep it.
    """
    info = bytearray(_INFO_SIZE)
    info[_MASK] = _PIDFD_INFO_EXIT.to_bytes(8, sys.byteorder)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info)
    except OSError:
        # ENOTTY, EINVAL: it does not know the call; ESRCH: it forgets those that were reaped
        return None
    has_status = int.from_bytes(info[_MASK], sys.byteorder) & _PIDFD_INFO_EXIT
    return int.from_bytes(info[_EXIT_CODE], sys.byteorder, signed=True) if has_status else None
