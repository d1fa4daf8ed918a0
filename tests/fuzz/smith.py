"""Makes bytes that are nearly right: the same ones for the same number."""

from __future__ import annotations

import random
from collections.abc import Sequence

#: what parsers stumble over
_ODD = (
    *(b"\n", b"\r", b"\r\n", b"\0", b'"', b"\\", b"\\x", b"\\x00", b"\t", b" ", b"=", b"--", b"#", b"?", b"!"),
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x1b[2J", b"\x7f", "ß\u202e\u2028".encode(), b"0", b"-1", b"1" * 20),
    *(b"65536", b"65537", b"99999", b"4294967295", b"1e999", b"NaN", b"null", b"{}", b"[]", b"[" * 300, b"\x80\0\0\0"),
    *(b"A" * 4096, b"A" * 8191, b"A" * 8192, b"A" * 8193, b" " * 9000, b"a=b " * 3000),
)
_MOST = 65_536


class Smith:
    """
    One piece of work.

    :param number: of it.
    """

    def __init__(self, number: int) -> None:
        self._random = random.Random(number)

    def make(self, seeds: Sequence[bytes]) -> bytes:
        """Return some of the seeds, one behind another, with faults."""
        data = bytearray(b"".join(self._random.choices(seeds, k=self._random.randint(1, 5))))
        for _ in range(self._random.choice((0, 1, 1, 2, 3, 8))):
            self._spoil(data)
        return bytes(data[:_MOST])

    def cut(self, data: bytes) -> list[bytes]:
        """Return the bytes in pieces: one, single bytes, or any."""
        how = self._random.randrange(4)
        if how == 0 or not data:
            return [data]
        if how == 1 and len(data) < 2000:
            return [data[at : at + 1] for at in range(len(data))]
        count = self._random.randint(1, 6)
        places = sorted(self._random.randint(0, len(data)) for _ in range(count))
        return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]

    def flip(self) -> bool:
        """Return yes or no."""
        return self._random.random() < 0.5

    def _spoil(self, data: bytearray) -> None:
        at = self._random.randint(0, len(data))
        end = min(len(data), at + self._random.choice((1, 1, 2, 4, 30)))
        how = self._random.randrange(6)
        if how == 0:
            data[at:end] = b""
        elif how == 1:
            data[at:at] = self._random.choice(_ODD)
        elif how == 2:
            data[at:end] = self._random.choice(_ODD)
        elif how == 3:
            data[at:end] = self._random.randbytes(end - at)
        elif how == 4:
            data[at:at] = data[at:end] * self._random.choice((1, 2, 200))
        elif data:
            data[min(at, len(data) - 1)] ^= 1 << self._random.randrange(8)
