"""containerd's end of a connection, and a daemon's, on plain sockets that block."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from types import TracebackType
from typing import Self

from runjd.containerd.relay.hello import Hello, HelloReader
from runjd.protocols.ttrpc.envelope import Request, Response, format_request, parse_request, parse_response
from runjd.protocols.ttrpc.frames import REQUEST, RESPONSE, Frame, FrameReader, format_frame

PATIENCE = 15.0


class Caller:
    """A connection that calls; one at a time, or many."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self._reader = FrameReader()
        self._found: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, stream: int, method: str, payload: bytes = b"") -> None:
        """Call a method of test.Echo."""
        data = format_request(Request("test.Echo", method, payload))
        self.socket.sendall(format_frame(stream, REQUEST, data))

    def is_read(self) -> bool:
        """Whether the other end has read all that was sent; Linux."""
        waiting = fcntl.ioctl(self.socket, termios.TIOCOUTQ, struct.pack("i", 0))
        return struct.unpack("i", waiting) == (0,)

    def answer(self) -> tuple[int, Response]:
        """Return the next answer, whole, and its stream."""
        while not self._found:
            data = self.socket.recv(65536)
            assert data, "the connection was closed"
            self._found += [each for each in self._reader.feed(data) if isinstance(each, Frame)]
        frame = self._found.pop(0)
        assert frame.kind == RESPONSE
        return frame.stream, parse_response(frame.data)

    def is_closed(self) -> bool:
        """Whether the other end closes the connection, and says nothing more."""
        try:
            return not self.socket.recv(1)
        except ConnectionResetError:
            return True


class Listening:
    """A socket where a daemon would listen, served step by step."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(16)
        self._socket.settimeout(PATIENCE)
        self._served: list[Served] = []

    def close(self) -> None:
        """Listen no more, and be gone from each connection."""
        self._socket.close()
        for served in self._served:
            served.close()

    def accept(self) -> Served:
        """Return the next connection."""
        self._served.append(Served(self._socket.accept()[0]))
        return self._served[-1]


class Served:
    """One connection of a relay to a daemon."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.settimeout(PATIENCE)
        self._reader = FrameReader()
        self._found: list[Frame] = []

    def hello(self) -> Hello:
        """Return what comes first."""
        reader = HelloReader()
        while True:
            data = self.socket.recv(65536)
            assert data, "the connection was closed"
            hello = reader.feed(data)
            if hello is not None:
                self._take(reader.rest)
                return hello

    def request(self) -> tuple[int, Request]:
        """Return the next request and its stream."""
        while not self._found:
            data = self.socket.recv(65536)
            assert data, "the connection was closed"
            self._take(data)
        frame = self._found.pop(0)
        return frame.stream, parse_request(frame.data)

    def close(self) -> None:
        """Be gone."""
        self.socket.close()

    def _take(self, data: bytes) -> None:
        self._found += [each for each in self._reader.feed(data) if isinstance(each, Frame)]
