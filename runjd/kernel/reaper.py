"""Become the one to whom orphaned descendants return, and who learns how they ended."""

from __future__ import annotations

import errno
import os
import sys

from runjd.kernel.libc import c_int, c_ulong, check, libc

_PR_SET_CHILD_SUBREAPER = 36
_P_PID = 0
_PROC_REAP_ACQUIRE = 2


def become_reaper() -> None:
    """
    Make this process the reaper of its later descendants.

    prctl(2) PR_SET_CHILD_SUBREAPER on Linux, procctl(2) PROC_REAP_ACQUIRE on
    FreeBSD, where only future children count: call it before the first fork.
    """
    if sys.platform == "linux":
        check(libc.prctl(c_int(_PR_SET_CHILD_SUBREAPER), c_ulong(1), c_ulong(0), c_ulong(0), c_ulong(0)), "prctl")
        return
    try:
        check(libc.procctl(c_int(_P_PID), c_ulong(os.getpid()), c_int(_PROC_REAP_ACQUIRE), None), "procctl")
    except OSError as error:
        if error.errno != errno.EBUSY:  # we are one already
            raise
