"""
Signal and end processes by identity, and wait until they are gone.

On Linux a descriptor of the process is opened first and its start time is
checked after that, so that no stranger can take the pid in between.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from runjd.errors import RuntimeFailure, WrongState
from runjd.kernel import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.runtime.contract import Held

_KILL = 9
#: seconds until a killed jail must be gone; a process in an uninterruptible sleep may outlast it
_PATIENCE = 10.0
_GONE = (errno.ESRCH, errno.EINVAL)


def is_of_this_boot(held: Held) -> bool:
    """Whether a jail was made since the host was started; the pids of an earlier one mean others."""
    return held.boot_id == process.boot_id()


def is_running(held: Held) -> bool:
    """Whether the init process of a jail is still the one that we started, and no zombie."""
    return held.pid > 1 and process.is_alive(held.pid, held.start_time) and is_of_this_boot(held)


def signal_init(held: Held, signum: int) -> None:
    """
    Signal the init process.

    :raise WrongState: it is gone.
    """
    if not is_of_this_boot(held) or not signal_stranger(held.pid, held.start_time, signum):
        raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id)


def signal_stranger(pid: int, start_time: int, signum: int) -> bool:
    """Signal the process that has this pid and started then; False where it is gone."""
    if pid <= 1:
        return False
    if sys.platform != "linux":
        if not process.is_alive(pid, start_time):
            return False
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return False
        return True
    pidfd = open_process(pid, start_time)
    if pidfd < 0:
        return False
    from runjd.kernel.pidfd import pidfd_send_signal

    try:
        pidfd_send_signal(pidfd, signum)
    except ProcessLookupError:
        return False
    except OSError as error:
        raise RuntimeFailure(f"signal {signum} to process {pid}", os.strerror(error.errno or 0)) from error
    finally:
        os.close(pidfd)
    return True


def open_process(pid: int, start_time: int) -> int:
    """Return a pidfd of the process that has this pid and started then, -1 where it is gone. Linux."""
    from runjd.kernel.pidfd import pidfd_open

    try:
        pidfd = pidfd_open(pid)
    except OSError as error:
        if error.errno in _GONE:
            return -1
        raise
    if process.is_alive(pid, start_time):
        return pidfd
    os.close(pidfd)
    return -1


def end_init(held: Held, patience: float = _PATIENCE) -> None:
    """
    Kill the init process of a pid namespace, with which all others in it end, and wait until they have. Linux.

    :raise RuntimeFailure: some process does not die, or its parent does not reap it.
    """
    from runjd.kernel.pidfd import pidfd_send_signal, wait_ended

    if held.pid <= 1 or not is_of_this_boot(held):
        return
    pidfd = open_process(held.pid, held.start_time)
    if pidfd < 0:
        return
    try:
        try:
            pidfd_send_signal(pidfd, _KILL)
        except ProcessLookupError:
            return
        if not wait_ended(pidfd, patience):
            raise RuntimeFailure("kill the init process", f"process {held.pid} is still there after {patience:.0f} s")
    finally:
        os.close(pidfd)


def end(held: Held, members: Callable[[], Sequence[tuple[int, int]]], patience: float = _PATIENCE) -> None:
    """
    Kill the init process and whoever else belongs to the jail, until none is left.

    :param members: returns (pid, start time) of the live processes.
    :param patience: seconds until we give up.
    :raise RuntimeFailure: some process does not die.
    """
    deadline = time.monotonic() + patience
    if not is_of_this_boot(held):
        return
    signal_stranger(held.pid, held.start_time, _KILL)
    pause = 0.001
    while True:
        left = members()
        if not left:
            return
        for pid, start_time in left:
            signal_stranger(pid, start_time, _KILL)
        if time.monotonic() > deadline:
            pids = " ".join(str(pid) for pid, _start in left)
            raise RuntimeFailure("kill the processes of the jail", f"still there after {patience:.0f} s: {pids}")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
