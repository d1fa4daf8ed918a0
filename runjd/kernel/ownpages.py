"""
Pages that a fork left shared, taken for ourselves in a few system calls.

After fork(2) each page that is written first is copied by a fault of its own: an
interpreter, whose every look at an object writes to it, has a thousand of them on
its way to the shortest result.  madvise(2), MADV_POPULATE_WRITE (Linux 5.14).
"""

from __future__ import annotations

import os

from runjd.kernel.libc import c_int, c_size_t, c_void_p, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MAPS = "/proc/self/maps"
_SIZE_MAX = 1 << 20
_MADV_POPULATE_WRITE = 23
#: of what may be written and is nobody else's
_PRIVATE = "rw-p"
#: bytes of one mapping; what is larger is no interpreter's
_LARGEST = 32 << 20
#: bytes in one call
_PART = 256 << 10


def own_pages(is_enough: Callable[[], bool]) -> None:
    """
    Have all pages that we may write, where the kernel can do that; it changes nothing but how fast we are.

    :param is_enough: asked again and again whether there is something better to do.
    """
    try:
        fd = os.open(_MAPS, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        text = b""
        while len(text) < _SIZE_MAX and (more := os.read(fd, 1 << 16)):
            text += more
    finally:
        os.close(fd)
    advise = libc.madvise
    for start, end in private_ranges(text.decode("utf-8", "replace")):
        if end - start <= _LARGEST:
            for part in range(start, end, _PART):
                if is_enough():
                    return
                advise(c_void_p(part), c_size_t(min(_PART, end - part)), c_int(_MADV_POPULATE_WRITE))


def private_ranges(maps: str) -> list[tuple[int, int]]:
    """Return where the private memory is that can be written, of a text in the form of proc_pid_maps(5)."""
    found = []
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) >= 5 and fields[1] == _PRIVATE:
            start, _, end = fields[0].partition("-")
            found.append((int(start, 16), int(end, 16)))
    return found
