"""
The way of an exec process into a jail: its control groups, then its namespaces.

Carried out in a process that nobody inside can see yet.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure, WrongState
from runjd.kernel import namespaces as ns
from runjd.kernel.capabilities import NUMBERS, mask
from runjd.runtime import ending, rights
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup.joining import Doors
from runjd.runtime.linux.cgroup.record import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held
    from runjd.spec.model import Process

_ALL = ns.CLONE_NEWNS | ns.CLONE_NEWUTS | ns.CLONE_NEWIPC | ns.CLONE_NEWNET | ns.CLONE_NEWCGROUP | ns.CLONE_NEWPID
_PATH_ONLY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_GONE = (errno.ESRCH, errno.ENOENT)


def enter(held: Held, process: Process, label: Callable[[Process], None]) -> bool:
    """
    Enter a jail; its pid namespace counts for later children.

    :param label: asks for the labels of the process, as long as /proc is the host's.
    :return: whether those inside may trace processes that they see.
    :raise WrongState: the init process is gone.
    :raise RuntimeFailure: it is not where it was made any more.
    """
    pidfd = ending.open_process(held.pid, held.start_time)
    try:
        if pidfd < 0:
            raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
        may_trace = _may_trace(held.pid)
        _enter_groups(held)
        rights.apply_oom_score(process.oom_score_adj)
        label(process)
        has_left = _enter_namespaces(held, pidfd)
    except OSError as error:
        if error.errno in _GONE:
            raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id) from None
        raise failure(f'enter "{held.id}"', error) from error
    finally:
        if pidfd >= 0:
            os.close(pidfd)
    if has_left:
        # It may have mounted what it likes in a namespace of its own, over programs that are run with more rights
        # than it has.
        raise RuntimeFailure(f'enter "{held.id}"', "its init process has left for a user namespace of its own")
    return may_trace


def has_other_clocks(ours: str, theirs: int) -> bool:
    """
    Whether a process has other clocks than we do; a kernel built without time namespaces names none.

    :param ours: the directory of our namespaces.
    :param theirs: a descriptor of that of the process.
    :raise OSError: the process is gone.
    """
    try:
        own = os.readlink(f"{ours}/time")
    except FileNotFoundError:
        return False
    return os.readlink("time", dir_fd=theirs) != own


def _may_trace(pid: int) -> bool:
    """Whether a process, or one that it executes, can have CAP_SYS_PTRACE."""
    with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
        lines = file.readall().split(b"\n")
    bounding = next((each.split()[1] for each in lines if each.startswith(b"CapBnd:")), b"0")
    return bool(int(bounding, 16) & mask((NUMBERS["CAP_SYS_PTRACE"],)))


def _enter_groups(held: Held) -> None:
    doors = Doors(recorded(held.undo), held.pid)
    try:
        doors.enter()
    finally:
        doors.close()


def _enter_namespaces(held: Held, pidfd: int) -> bool:
    """Return whether the init process is in another user namespace than we are."""
    names = os.open(f"/proc/{held.pid}/ns", _PATH_ONLY)
    try:
        ours = os.readlink("/proc/self/ns/user")
        has_clocks = has_other_clocks("/proc/self/ns", names)
        ns.set_namespace(pidfd, _ALL | ns.CLONE_NEWTIME if has_clocks else _ALL)
        # Asked afterwards, as there is no way back: it was in ours when we followed it.
        return os.readlink("user", dir_fd=names) != ours
    finally:
        os.close(names)
