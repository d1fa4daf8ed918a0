"""
What a relay, or the shim itself, says first on each connection to the daemon: whose calls come, and on which one.

A frame of ttrpc of a kind that is ours, on stream 0; what follows is ttrpc as containerd sent it.  Fields of the
message, for daemons and relays of other versions, which skip what they do not know: 1 version, 2 gRPC socket of
containerd, 3 its ttrpc socket, 4 namespace, 5 connection, 6 the last stream that an earlier daemon may have been
given.
"""

from __future__ import annotations

from runjd.errors import SyntaxFault
from runjd.protocols.ttrpc.call import Origin
from runjd.protocols.ttrpc.fields import format_number, format_text, number_of, read_fields, text_of
from runjd.protocols.ttrpc.frames import HEADER_SIZE, Frame, FrameReader, format_frame
from runjd.values import Value

VERSION = 1

_KIND = 0x52
#: bytes; paths of sockets and names are shorter
_MAX = 4096


class Hello(Value):
    """
    Who connects.

    :ivar origin: the containerd and its namespace.
    :ivar connection: names the connection, also to the next daemon.
    :ivar repeated: calls on streams up to this one may have been given to an earlier daemon.
    """

    origin: Origin
    connection: str
    repeated: int = 0


def format_hello(hello: Hello) -> bytes:
    """Return the bytes that go before all others."""
    origin = hello.origin
    texts = (origin.containerd, origin.events, origin.namespace, hello.connection)
    fields = [format_number(1, VERSION), *(format_text(number, text) for number, text in enumerate(texts, 2))]
    return format_frame(0, _KIND, b"".join(fields) + format_number(6, hello.repeated))


class HelloReader:
    """
    The first frame of a connection.

    :ivar rest: what came behind it.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self.rest = b""

    def feed(self, data: bytes) -> Hello | None:
        """
        Take the next bytes; None: more are needed.

        :raise SyntaxFault: who connected is no relay, or one that says too little.
        """
        self._buffer += data
        if len(self._buffer) < HEADER_SIZE:
            return None
        end = HEADER_SIZE + int.from_bytes(self._buffer[:4], "big")
        if end > HEADER_SIZE + _MAX:
            raise SyntaxFault(f"a hello has at most {_MAX} bytes")
        if len(self._buffer) < end:
            return None
        (frame,) = FrameReader().feed(self._buffer[:end])
        self.rest = self._buffer[end:]
        assert isinstance(frame, Frame)
        if frame.kind != _KIND:
            raise SyntaxFault("the first frame of a connection is a hello")
        return _parse(frame.data)


def _parse(data: bytes) -> Hello:
    texts = {2: "", 3: "", 4: "", 5: ""}
    version = repeated = 0
    for number, value in read_fields(data):
        if number == 1:
            version = number_of(value)
        elif number in texts:
            texts[number] = text_of(value)
        elif number == 6:
            repeated = number_of(value)
    if version < VERSION:
        raise SyntaxFault(f"a hello of version {version} cannot be understood")
    if not (texts[2] and texts[4] and texts[5]):
        raise SyntaxFault("a hello names containerd, a namespace and a connection")
    return Hello(Origin(texts[2], texts[3], texts[4]), texts[5], max(0, repeated))
