"""
The wire between keeper and daemon: frames of JSON that bring descriptors along.

A frame is four bytes, the length of its JSON (little-endian), two bytes, how
many descriptors belong to it, and the JSON, one object in UTF-8.  The
descriptors travel by SCM_RIGHTS with the first byte of the frame, so they are
there before its last one.  Pure: no I/O here.
"""

from __future__ import annotations

import struct

from runjd.spec.lightjson import dumps, loads
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Message = Mapping[str, object]

#: version of the messages (:mod:`runjd.keeper.messages`), told in ``hello``; 2: the keeper knows ``upgrade``;
#: 3: and ``scopes`` of ``create``
VERSION = 3

#: bytes of JSON in a frame
MESSAGE_MAX = 1 << 20

#: descriptors of a frame; Linux passes 253 at most (SCM_MAX_FD)
DESCRIPTORS_MAX = 250

#: bytes of a descriptor in the data of SCM_RIGHTS
DESCRIPTOR_SIZE = struct.calcsize("@i")

_HEADER = struct.Struct("<IH")


class WireError(Exception):
    """What the peer sent is no frame of this wire; nothing behind it can be trusted."""


class Frame(Value):
    """One message, and how many descriptors came with it."""

    message: Message
    descriptors: int = 0


class FrameReader:
    """Turns the bytes of a stream into frames, however the stream is cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Frame]:
        """
        Take the next bytes of the stream and return the frames they complete.

        :raise WireError: a frame is too long or no JSON object; the stream is lost.
        """
        if not self._buffer and self._end(data, 0) == len(data):
            # nearly always: it is worth the while
            return [_frame(bytes(data))]
        self._buffer += data
        frames = []
        position = 0
        while (end := self._end(self._buffer, position)) is not None:
            frames.append(_frame(bytes(self._buffer[position:end])))
            position = end
        del self._buffer[:position]
        return frames

    @property
    def is_within_frame(self) -> bool:
        """Whether the stream, were it to end here, would end inside a frame."""
        return bool(self._buffer)

    @property
    def rest(self) -> bytes:
        """What came of the frame that is not whole."""
        return bytes(self._buffer)

    def _end(self, data: bytes | bytearray | memoryview, position: int) -> int | None:
        """Return where the frame that starts at a position ends, None where not all of it is here."""
        if len(data) - position < _HEADER.size:
            return None
        length, descriptors = _HEADER.unpack_from(data, position)
        # Refused by its header, before any of it is kept.
        if length > MESSAGE_MAX:
            raise WireError(f"a message of {length} bytes, of which {MESSAGE_MAX} are allowed")
        if descriptors > DESCRIPTORS_MAX:
            raise WireError(f"a message with {descriptors} descriptors, of which {DESCRIPTORS_MAX} are allowed")
        end = position + _HEADER.size + int(length)
        return end if end <= len(data) else None


def encode(message: Message | str, descriptors: int = 0) -> bytes:
    """
    Return the bytes of a frame; so many descriptors must be sent with the first of them.

    :param message: or its JSON, in ASCII.
    :raise WireError: the message is too long, or has too many descriptors.
    """
    # ASCII: a name that is no UTF-8 stands in it as lone surrogates, which only an escape carries.
    body = (message if isinstance(message, str) else dumps(message)).encode("ascii")
    if len(body) > MESSAGE_MAX:
        raise WireError(f"a message of {len(body)} bytes, of which {MESSAGE_MAX} are allowed")
    if descriptors > DESCRIPTORS_MAX:
        raise WireError(f"a message with {descriptors} descriptors, of which {DESCRIPTORS_MAX} are allowed")
    return _HEADER.pack(len(body), descriptors) + body


def pack_descriptors(descriptors: Sequence[int]) -> bytes:
    """Return descriptors as data of SCM_RIGHTS."""
    return struct.pack(f"@{len(descriptors)}i", *descriptors)


def unpack_descriptors(data: bytes) -> tuple[int, ...]:
    """Return the descriptors that data of SCM_RIGHTS brought."""
    count = len(data) // DESCRIPTOR_SIZE
    return struct.unpack_from(f"@{count}i", data)


def _frame(raw: bytes) -> Frame:
    try:
        message = loads(raw[_HEADER.size :].decode("utf-8"))
    except ValueError as error:
        raise WireError(f"a message that is no JSON: {error}") from None
    if not isinstance(message, dict):
        raise WireError("a message that is no JSON object")
    return Frame(message, _HEADER.unpack_from(raw)[1])
