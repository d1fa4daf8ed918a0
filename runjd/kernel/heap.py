"""The heap of this process, as glibc keeps it: mallopt(3)."""

from __future__ import annotations

from runjd.kernel.libc import c_int, libc

_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8


def settle_heap(chunk: int) -> None:
    """
    Have the memory of one chunk serve the next one, in whichever thread, and no more than that be kept.

    glibc gives what is larger than 128 KiB back to the kernel at once, and trims its heap likewise, so each chunk of a
    busy jail cost its page faults anew: two to four times the CPU.  Left alone, its limits follow the largest block
    that was freed so far, up to 32 MiB, and never come down.  And it gives each thread a heap of its own, eight for
    each processor, where what one thread freed serves no other: a pool of threads that take turns held ten times what
    was in use.  As the interpreter's lock lets one thread run at a time, nothing is gained by that.

    Threads that have begun keep theirs.  Other C libraries have no such choice.

    :param chunk: bytes; what is larger is given back at once.
    """
    try:
        mallopt = libc.mallopt
    except AttributeError:
        return
    for what, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, chunk), (_TRIM_THRESHOLD, 2 * chunk)):
        mallopt(c_int(what), c_int(value))
