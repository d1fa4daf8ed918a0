"""
The arguments and the environment that the kernel started us with, as /proc shows them.

/proc/PID/cmdline can be read by everybody who sees the process, and both are the
caller's affair: paths, variables, what stands behind ``--env``.
"""

from __future__ import annotations

import posix

from runjd.kernel.layout import own_layout
from runjd.kernel.libc import c_char_p, c_int, c_size_t, c_void_p, libc


def forget_command_line() -> None:
    """
    Overwrite both, in a child that was forked; what Python keeps of them stays.

    Needs the /proc of a pid namespace that we are in.
    """
    layout = own_layout()
    _overwrite(layout.arg_start, layout.arg_end)
    _overwrite(layout.env_start, layout.env_end)


def forget_variables(kept: tuple[bytes, ...]) -> None:
    """
    Overwrite the environment in all of our memory, as long as nobody has looked into it.

    :param kept: variables whose names begin so stay.
    """
    libc.clearenv()
    for name, value in list(posix.environ.items()):
        if name.startswith(kept):
            # another copy
            posix.putenv(name, value)
            continue
        del posix.environ[name]
        for each in (name, value):
            # shorter ones are shared by all of Python
            if len(each) > 1:
                libc.memset(c_char_p(each), c_int(0), c_size_t(len(each)))
    layout = own_layout()
    _overwrite(layout.env_start, layout.env_end)


def _overwrite(start: int, end: int) -> None:
    if 0 < start < end:
        libc.memset(c_void_p(start), c_int(0), c_size_t(end - start))
