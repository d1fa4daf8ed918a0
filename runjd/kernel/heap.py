"""The heap of this process, as glibc keeps it: mallopt(3), malloc_trim(3)."""

from __future__ import annotations

from runjd.kernel.libc import c_int, c_size_t, libc

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


def give_heap_back() -> None:
    """
    Give the kernel back the pages of the heap that nobody uses.

    glibc does that by itself at the upper end alone, and anything small that lies there holds all below it: of
    chunks that come and go between what stays, holes are left, which no larger chunk fits into, so that a heap
    under load grows to twice of what was ever in use at once.  Holes stay holes, but have no memory until they are
    used.  It takes half a millisecond for 10 MB, and nothing to speak of where there is nothing.

    Other C libraries do it by themselves, or never.
    """
    try:
        malloc_trim = libc.malloc_trim
    except AttributeError:
        return
    malloc_trim(c_size_t(0))
