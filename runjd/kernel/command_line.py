"""
The arguments and the environment that the kernel started us with, as /proc shows them.

/proc/PID/cmdline can be read by everybody who sees the process, and both are the
caller's affair: paths, variables, what stands behind ``--env``.
"""

from __future__ import annotations

import os

from runjd.kernel.libc import c_int, c_size_t, c_void_p, libc

#: proc_pid_stat(5), arg_start to env_end, counted from the field behind the name
_FIRST = 45


def forget_command_line() -> None:
    """
    Overwrite both, in a child that was forked; what Python keeps of them stays.

    Needs the /proc of a pid namespace that we are in.
    """
    descriptor = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
    bounds = [int(each) for each in text[text.rindex(b")") + 2 :].split()[_FIRST : _FIRST + 4]]
    for start, end in (bounds[:2], bounds[2:]):
        if 0 < start < end:
            libc.memset(c_void_p(start), c_int(0), c_size_t(end - start))
