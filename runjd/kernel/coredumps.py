"""
No core of ours: what we read of bundles and of the configuration, passwords in environments too, stays in memory.

The limit RLIMIT_CORE is not enough where the kernel hands cores to a program
(core(5), "Piping core dumps to a program"), and jails would inherit it.  What is done
here is inherited by forks and taken back by execve, so programs in jails dump core as
their limits say.
"""

from __future__ import annotations

import os
import sys

_P_PID = 0
_PROC_TRACE_CTL = 7
_PROC_TRACE_CTL_DISABLE = 2


def forbid_core_dumps() -> None:
    """
    Have no core written of this process, and nobody but root trace it, until it executes a program.

    prctl(2), PR_SET_DUMPABLE; procctl(2), PROC_TRACE_CTL.  Nothing to do for an ordinary user: on Linux what /proc
    shows of him would not be his any more.
    """
    if os.geteuid() != 0:
        return
    if sys.platform == "linux":
        from runjd.kernel.prctl import set_dumpable

        set_dumpable(0)
    else:
        from runjd.kernel.libc import byref, c_int, c_ulong, check, libc

        state = c_int(_PROC_TRACE_CTL_DISABLE)
        request = c_int(_PROC_TRACE_CTL)
        try:
            check(libc.procctl(c_int(_P_PID), c_ulong(0), request, byref(state)), "PROC_TRACE_CTL")
        except OSError:
            pass  # EBUSY: somebody traces us already
