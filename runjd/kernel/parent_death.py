"""A process that ends with its parent, however that ends."""

from __future__ import annotations

import os
import sys

from runjd.kernel.libc import byref, c_int, c_ulong, check, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

_PR_SET_PDEATHSIG = 1
_P_PID = 0
_PROC_PDEATHSIG_CTL = 11


def die_with_parent(parent: int) -> None:
    """
    Let the kernel kill us when our parent ends; at once where it has ended already.

    prctl(2) PR_SET_PDEATHSIG on Linux, procctl(2) PROC_PDEATHSIG_CTL on FreeBSD.
    An execve(2) keeps it, unless the program is set-user-ID; a fork does not.

    :param parent: the pid of whoever forked us, read before the fork.
    """
    number = c_int(_signal.SIGKILL)
    if sys.platform == "linux":
        check(libc.prctl(c_int(_PR_SET_PDEATHSIG), number, c_ulong(0), c_ulong(0), c_ulong(0)), "PR_SET_PDEATHSIG")
    else:
        request = c_int(_PROC_PDEATHSIG_CTL)
        check(libc.procctl(c_int(_P_PID), c_ulong(0), request, byref(number)), "PROC_PDEATHSIG_CTL")
    if os.getppid() != parent:
        os.kill(os.getpid(), _signal.SIGKILL)
