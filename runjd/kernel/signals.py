"""
Dispositions of signals: what a program inherits through execve(2).

The C library keeps the first real-time signals for itself and lets nobody change
them, but a parent may have left them ignored (GNU make does, by posix_spawn), so
they are reset by the system call itself.  Only to be called in a child that is
about to execute a program: afterwards threads cannot be cancelled.
"""

from __future__ import annotations

import os
import sys

from runjd.kernel.libc import c_size_t, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

#: the first real-time signal of the kernel
_FIRST = 32
_NUMBERS = {"x86_64": 13, "aarch64": 134, "riscv64": 134, "loongarch64": 134, "ppc64le": 173, "s390x": 174}
_RT_SIGACTION = _NUMBERS.get(os.uname().machine) if sys.platform == "linux" and sys.maxsize > 2**32 else None
# struct sigaction of the kernel is 24 to 32 bytes; all zero means the default
_DEFAULT = bytes(32)


def reset_signals() -> None:
    """Let every signal do what it does by default, and block none."""
    default = _signal.SIG_DFL
    for number in range(1, _signal.NSIG):
        # None: the C library's own, or no signal of that number
        if _signal.getsignal(number) not in (default, None):
            _signal.signal(number, default)
    if _RT_SIGACTION is not None:
        for number in range(_FIRST, _signal.SIGRTMIN):
            libc.syscall(_RT_SIGACTION, number, _DEFAULT, None, c_size_t(8))
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
