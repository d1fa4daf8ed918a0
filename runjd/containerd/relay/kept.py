"""Requests of one connection that were not answered: they are given to the next daemon, too."""

from __future__ import annotations

#: requests
COUNT_MAX = 1024
#: bytes of all of them; of the longest there may be some
SIZE_MAX = 16 << 20


class Kept:
    """
    The requests, in the order of their streams, as they came.

    :ivar given: the last stream that any daemon may have been given.
    """

    def __init__(self) -> None:
        self._frames: dict[int, bytes] = {}
        self._size = 0
        self.given = 0

    def __len__(self) -> int:
        return len(self._frames)

    def keep(self, stream: int, frame: bytes) -> bool:
        """Keep a request, whose stream is greater than all before it; False: there is no room for it."""
        if len(self._frames) >= COUNT_MAX or self._size + len(frame) > SIZE_MAX:
            return False
        self._frames[stream] = frame
        self._size += len(frame)
        return True

    def answered(self, stream: int) -> bool:
        """Forget a request; False: it was answered before, or never made."""
        frame = self._frames.pop(stream, None)
        if frame is None:
            return False
        self._size -= len(frame)
        return True

    def all(self) -> bytes:
        """Return all of them, one behind the other."""
        return b"".join(self._frames.values())
