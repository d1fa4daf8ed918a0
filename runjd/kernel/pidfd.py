"""
Signal a process by a descriptor, which names it even when its pid is another's.

Linux pidfd_open(2), pidfd_send_signal(2).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import select


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
