"""The heap of this process, as the C library keeps it: mallopt(3)."""

from __future__ import annotations

from runjd.kernel.libc import c_int, libc

_ARENA_MAX = -8


def share_heap() -> None:
    """
    Have all threads that begin from now on take their memory from one heap.

    glibc gives each a heap of its own, eight for each processor, and what a thread freed serves none but itself: a
    pool of threads that take turns at large blocks holds many times what is in use.  Where the interpreter's lock
    lets one thread run at a time, nothing is gained by that.  Other C libraries have no such choice.
    """
    try:
        mallopt = libc.mallopt
    except AttributeError:
        return
    mallopt(c_int(_ARENA_MAX), c_int(1))
