"""Bytes on their way out of a socket that does not block."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

_PIECE = 256 * 1024


class Outgoing:
    """What was not sent yet."""

    def __init__(self, connection: _socket.socket) -> None:
        self._connection = connection
        self._waiting = bytearray()

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, data: bytes) -> None:
        """
        Send behind what waits, as much as goes at once.

        :raise OSError: the other end is gone.
        """
        self.add(data)
        self.flush()

    def add(self, data: bytes) -> None:
        """Have it wait behind what waits already."""
        self._waiting += data

    def clear(self) -> None:
        """Nothing of it is to be sent any more."""
        self._waiting.clear()

    def flush(self) -> None:
        """Send what waits, as much as goes at once. :raise OSError: the other end is gone."""
        while self._waiting:
            try:
                sent = self._connection.send(memoryview(self._waiting)[:_PIECE])
            except BlockingIOError:
                return
            del self._waiting[:sent]
