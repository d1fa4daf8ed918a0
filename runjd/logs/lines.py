"""Whole lines out of a stream of chunks, with what is left of an unfinished one kept."""

from __future__ import annotations

from runjd.logs.cri import LINE_LIMIT


class LineSplitter:
    """
    One stream of one program.

    :param limit: an unfinished line that is longer is given out in pieces of this size.
    """

    __slots__ = ("_limit", "pending")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        #: the unfinished line; shorter than the limit
        self.pending = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return all whole lines, and the pieces of an unfinished one that is too long; they may be empty."""
        data = self.pending + chunk if self.pending else chunk
        cut = data.rfind(b"\n") + 1
        cut += (len(data) - cut) // self._limit * self._limit
        self.pending = data[cut:]
        return data[:cut] if self.pending else data

    def flush(self) -> bytes:
        """Return the unfinished line; its rest may still come."""
        pending, self.pending = self.pending, b""
        return pending
