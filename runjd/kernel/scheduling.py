"""When a process runs, and when its input and output does: sched_setattr(2), ioprio_set(2), personality(2) of Linux."""

from __future__ import annotations

import errno
import os
import struct

from runjd.kernel.libc import c_int, c_uint, c_ulong, check, libc, syscall

POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}

#: sched_attr: size, policy, flags, nice, priority, runtime, deadline, period, and two clamps of which nothing is said
_SCHED_ATTR = struct.Struct("=IIQiIQQQII")
_GENERIC = (274, 30)
#: machine -> sched_setattr, ioprio_set
_NUMBERS = {
    "x86_64": (314, 251),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "ppc64": (355, 273),
    "ppc64le": (355, 273),
    "s390x": (345, 282),
}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_CLASS_SHIFT = 13


def set_scheduler(policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int) -> None:
    """
    Say how we are scheduled; times in nanoseconds.

    :raise OSError: EPERM without CAP_SYS_NICE; EBUSY where the time that is asked for cannot be had.
    """
    size = _SCHED_ATTR.size
    attributes = _SCHED_ATTR.pack(size, policy, flags, nice, priority, runtime, deadline, period, 0, 0)
    check(syscall(_number(0), c_int(0), attributes, c_uint(0)), "sched_setattr")


def set_io_priority(kind: int, priority: int) -> None:
    """Say when our input and output is done: a class, and a priority from 0, the highest, to 7 in it."""
    value = kind << _IOPRIO_CLASS_SHIFT | priority
    check(syscall(_number(1), c_int(_IOPRIO_WHO_PROCESS), c_int(0), c_int(value)), "ioprio_set")


def set_personality(number: int) -> None:
    """Say which system we believe to be on; kept over execve."""
    check(libc.personality(c_ulong(number)), "personality")


def _number(index: int) -> int:
    machine = os.uname().machine
    if machine not in _NUMBERS:
        raise OSError(errno.ENOSYS, f"the number of this system call on {machine} is not known")
    return _NUMBERS[machine][index]
