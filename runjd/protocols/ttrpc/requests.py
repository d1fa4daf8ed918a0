"""
Requests out of bytes, by the rules of streams.

The stream of a request is odd and greater than that of each request before it on the same connection.  What breaks
a rule is refused on its own stream, and the connection goes on; what is of an unknown kind is skipped.
"""

from __future__ import annotations

from runjd.protocols.ttrpc.frames import DATA, DATA_MAX, REQUEST, Frame, FrameReader, Oversize
from runjd.protocols.ttrpc.status import INVALID_ARGUMENT, RESOURCE_EXHAUSTED
from runjd.values import Value


class Refused(Value):
    """A frame that breaks a rule: its stream, and the code and the words it is to be answered with."""

    stream: int
    number: int
    message: str


class RequestReader:
    """
    Requests of one connection, in order, among refusals.

    :ivar last: the stream of the last one.
    """

    def __init__(self) -> None:
        self._reader = FrameReader()
        self.last = 0

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """Take the next bytes; return what they complete."""
        judged = (self._judge(each) for each in self._reader.feed(data))
        return [each for each in judged if each is not None]

    def _judge(self, frame: Frame | Oversize) -> Frame | Refused | None:
        stream = frame.stream
        if isinstance(frame, Oversize):
            reason = f"a message of {frame.size} bytes, of which {DATA_MAX} are allowed"
            return Refused(stream, RESOURCE_EXHAUSTED, reason)
        if frame.kind not in (REQUEST, DATA):
            return None
        if stream % 2 == 0:
            return Refused(stream, INVALID_ARGUMENT, f"stream {stream} is even, and those of a client are odd")
        if frame.kind == DATA:
            return Refused(stream, INVALID_ARGUMENT, f"stream {stream} takes no data")
        if stream <= self.last:
            reason = f"stream {stream} comes after {self.last}, and streams are used once, in order"
            return Refused(stream, INVALID_ARGUMENT, reason)
        self.last = stream
        return frame
