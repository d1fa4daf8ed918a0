"""
Remove the groups of a jail, with whatever is still in them.

A jail can make groups below its own, and where it has no pid namespace, processes
outlast its init process.  A group that a process has just left stays busy for a
moment.
"""

from __future__ import annotations

import os
import time

from runjd.errors import RunjdError, RuntimeFailure
from runjd.kernel.pidfd import pidfd_open, pidfd_send_signal
from runjd.runtime.linux.cgroup import freezing
from runjd.runtime.linux.cgroup.files import pids, tree
from runjd.runtime.linux.cgroup.record import PARENTS, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runjd.runtime.contract import Undo

_KILL = 9
#: seconds until a killed process must be gone
_PATIENCE = 10.0
#: seconds that processes get to stop before they are killed
_MOMENT = 0.2
#: seconds of the looks at whether those that were killed are gone
_SOON = (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008)


def remove_groups(kernel: Any, undo: Sequence[Undo], patience: float = _PATIENCE) -> None:
    """
    Kill what is left in the groups of a jail, and remove them.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :raise RuntimeFailure: some process does not die.
    """
    deadline = time.monotonic() + patience
    directories = recorded(undo)
    kill_all(kernel, directories)
    for directory in directories:
        _remove(kernel, directory, deadline, patience)
    for each in undo:
        if each.action == PARENTS:
            for directory in reversed(each.target.split("\n")):
                try:
                    kernel.rmdir(directory)
                except OSError:
                    # another jail has moved in
                    continue


def kill_all(kernel: Any, directories: Sequence[str]) -> None:
    """
    Kill every process of the groups.

    Those that are not gone at once are stopped first, as one that forks is faster than who counts; nobody else is, as
    a group whose killer is killed himself would look as if it were paused.
    """
    if not _is_any(kernel, directories):
        return
    _kill_and_thaw(kernel, directories)
    for pause in _SOON:
        time.sleep(pause)
        if not _is_any(kernel, directories):
            return
    try:
        freezing.freeze(kernel, directories[0], _MOMENT)
    except RunjdError:
        # what does not stop is killed as it runs
        pass
    _kill_and_thaw(kernel, directories)


def _is_any(kernel: Any, directories: Sequence[str]) -> bool:
    return any(pids(kernel, each) for each in directories)


def _kill_and_thaw(kernel: Any, directories: Sequence[str]) -> None:
    """With version 1 what is frozen does not die."""
    try:
        for each in directories:
            signal_all(kernel, each, _KILL)
    finally:
        freezing.thaw(kernel, directories[0])


def signal_all(kernel: Any, directory: str, signum: int) -> None:
    """Signal every process that is in a group, or below it, when its descriptor is open."""
    opened = []
    try:
        for pid in pids(kernel, directory):
            try:
                opened.append((pid, pidfd_open(pid)))
            except OSError:
                continue
        # A pid that was another's in between is not in the group any more.
        still = pids(kernel, directory) if opened else set()
        for pid, pidfd in opened:
            if pid in still:
                try:
                    pidfd_send_signal(pidfd, signum)
                except ProcessLookupError:
                    continue
    finally:
        for _, pidfd in opened:
            os.close(pidfd)


def _remove(kernel: Any, directory: str, deadline: float, patience: float) -> None:
    pause = 0.001
    while True:
        try:
            for each in tree(kernel, directory):
                kernel.rmdir(each)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeFailure(
                    f"remove the control group {directory}",
                    f"it is still in use after {patience:.0f} s; try again when its processes are gone",
                    "linux.cgroupsPath",
                    error.errno or 0,
                ) from error
        kill_all(kernel, (directory,))
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
