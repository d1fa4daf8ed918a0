"""
Frames of ttrpc: ten bytes (length, stream, kind, flags; big-endian), and as many bytes of data as they say.

A frame that is too long is dropped as it comes in, and never held; whoever sent it is told on its stream.
"""

from __future__ import annotations

import struct

from runjd.values import Value

REQUEST = 1
RESPONSE = 2
#: of a stream, which no service of ours has
DATA = 3

#: bytes of data in a frame
DATA_MAX = 4 << 20
STREAM_MAX = (1 << 32) - 1

_HEADER = struct.Struct(">IIBB")
HEADER_SIZE = _HEADER.size


class Frame(Value):
    """One frame."""

    stream: int
    kind: int
    flags: int
    data: bytes


class Oversize(Value):
    """What is left of a frame whose data are longer than they may be: all but those."""

    stream: int
    kind: int
    size: int


class FrameReader:
    """Frames out of bytes, however they are cut; holds at most one frame. No bytes are wrong."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0

    def feed(self, data: bytes) -> list[Frame | Oversize]:
        """Take the next bytes; return the frames that they complete, and those too long that they begin."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        buffer = self._buffer
        buffer += memoryview(data)[skipped:] if skipped else data
        found: list[Frame | Oversize] = []
        position = 0
        while len(buffer) - position >= HEADER_SIZE:
            size, stream, kind, flags = _HEADER.unpack_from(buffer, position)
            start = position + HEADER_SIZE
            end = start + size
            if size > DATA_MAX:
                found.append(Oversize(stream, kind, size))
                position = min(end, len(buffer))
                self._skip = end - position
            elif end <= len(buffer):
                found.append(Frame(stream, kind, flags, bytes(memoryview(buffer)[start:end])))
                position = end
            else:
                break
        if position:
            del buffer[:position]
        return found

    @property
    def is_between(self) -> bool:
        """Whether the last byte fed ended a frame."""
        return not self._buffer and not self._skip


def format_frame(stream: int, kind: int, data: bytes, flags: int = 0) -> bytes:
    """Return the bytes of a frame. :raise ValueError: too many bytes for one."""
    if len(data) > DATA_MAX:
        raise ValueError(f"a frame holds at most {DATA_MAX} bytes, not {len(data)}")
    return _HEADER.pack(len(data), stream, kind, flags) + data
