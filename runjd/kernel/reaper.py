"""Become the one to whom orphaned descendants return, and who learns how they ended."""

from __future__ import annotations

import errno
import sys

from runjd.kernel.libc import c_int, c_ulong, check, libc

_PR_SET_CHILD_SUBREAPER = 36


def become_reaper() -> None:
    """
    Make this process the reaper of its later descendants.

    prctl(2) PR_SET_CHILD_SUBREAPER on Linux, procctl(2) PROC_REAP_ACQUIRE on
    FreeBSD, where only future children count: call it before the first fork.
    """
    if sys.platform == "linux":
        check(libc.prctl(c_int(_PR_SET_CHILD_SUBREAPER), c_ulong(1), c_ulong(0), c_ulong(0), c_ulong(0)), "prctl")
        return
    from runjd.kernel.freebsd.procctl import reap_acquire

    try:
        reap_acquire()
    except OSError as error:
        if error.errno != errno.EBUSY:  # we are one already
            raise
