"""
Arrays of ``struct iovec``, which carry names and values to jail(2) and nmount(2).

Both calls tell in words what was wrong where a pair "errmsg" gives them the room.
"""

from __future__ import annotations

import os
import struct

from runjd.kernel.libc import addressof, create_string_buffer, get_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from runjd.kernel.freebsd.parameters import Pairs

_IOVEC = struct.Struct("PN")
_MESSAGE = "errmsg"
_MESSAGE_SIZE = 1024


class Iovec:
    """
    Names and values in memory that the kernel may read and write.

    :param pairs: name without its NUL, and value; None is a null pointer of length 0.
    """

    def __init__(self, pairs: Pairs) -> None:
        self._memory: list[ctypes.Array[ctypes.c_char] | None] = []
        sizes = []
        for name, value in pairs:
            key = name.encode("utf-8", "surrogateescape") + b"\0"
            for part in (key, value):
                self._memory.append(None if part is None else create_string_buffer(part, max(len(part), 1)))
                sizes.append(0 if part is None else len(part))
        places = (0 if memory is None else addressof(memory) for memory in self._memory)
        packed = b"".join(_IOVEC.pack(place, size) for place, size in zip(places, sizes, strict=True))
        self.array = create_string_buffer(packed, len(packed))
        #: how many ``struct iovec`` there are, two for each pair
        self.count = len(sizes)

    def value(self, index: int) -> bytes:
        """Return the value of a pair, as long as the kernel says that it is now."""
        memory = self._memory[2 * index + 1]
        length = _IOVEC.unpack_from(self.array, (2 * index + 1) * _IOVEC.size)[1]
        return b"" if memory is None else memory.raw[:length]


def call(what: str, pairs: Pairs, function: Callable[[Iovec], int]) -> tuple[int, Iovec]:
    """
    Return what a function of pairs returns, and the pairs with what it wrote into them.

    :param what: the call and what it is about.
    :raise OSError: with the kernel's own words, where it has some.
    """
    vector = Iovec([*pairs, (_MESSAGE, bytes(_MESSAGE_SIZE))])
    result = function(vector)
    if result == -1:
        code = get_errno()
        words = vector.value(len(pairs)).partition(b"\0")[0].decode("utf-8", "replace")
        raise OSError(code, words or os.strerror(code), what)
    return result, vector
