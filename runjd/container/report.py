"""
What the child between fork and exec and whoever waits for it say to each other.

A SOCK_SEQPACKET pair, so each message arrives whole; its first byte says what it
is.  The descriptor is close-on-exec: end of file after the order means that the
program was executed, before it that the other side died.

=========  =================  ===============================================
byte       from               meaning
=========  =================  ===============================================
``U``      child              something was made on the host; an Undo as JSON
``R``      child              ready: only the order is missing
``E``      child              it failed; the error's record as JSON; the end
``X``      parent, starter    execute the program now
``W``      parent             it is recorded: wait at the gate for a starter
=========  =================  ===============================================
"""

from __future__ import annotations

import _socket
import os

from runjd.errors import RunjdError, RuntimeFailure, from_record
from runjd.runtime.contract import Undo
from runjd.spec.lightjson import dumps, loads
from runjd.values import Value

UNDO = b"U"
READY = b"R"
FAILED = b"E"
EXECUTE = b"X"
WAIT = b"W"

#: the largest message; what is longer in an error is cut
_LIMIT = 32 << 10


class Message(Value):
    """One message; ``kind`` is empty at the end of the conversation."""

    kind: bytes
    body: bytes = b""

    def undo(self) -> Undo:
        """Return what UNDO tells."""
        match loads(self.body):
            case [str(action), str(target)]:
                return Undo(action, target)
        raise RuntimeFailure("read what the child made", "it is not in our words")

    def error(self) -> RunjdError:
        """Return what FAILED tells."""
        record = loads(self.body)
        return from_record(record if isinstance(record, dict) else {})


class Channel:
    """One end of the conversation."""

    def __init__(self, socket: _socket.socket) -> None:
        self._socket = socket

    @property
    def fd(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def receive(self) -> Message:
        """Wait for the next message."""
        try:
            packet = self._socket.recv(_LIMIT)
        except ConnectionResetError:
            packet = b""
        return Message(packet[:1], packet[1:])

    def send(self, kind: bytes) -> None:
        """Say something that needs no more words."""
        self._socket.send(kind)

    def made(self, undo: Undo) -> None:
        """Tell of something that will have to be taken back."""
        self._socket.send(UNDO + dumps([undo.action, undo.target]).encode())

    def failed(self, error: BaseException) -> None:
        """Tell why it is over. Whatever the error is, something that can be read is sent."""
        if not isinstance(error, RunjdError):
            error = RuntimeFailure("start the program", f"{type(error).__name__}: {error}")
        record = error.to_record()
        record["message"] = error.message[: _LIMIT // 16]
        body = dumps(record).encode()
        if len(body) >= _LIMIT:
            record["details"] = {}
            body = dumps(record).encode()
        # a filter of system calls hardly ever forbids write(2)
        os.write(self.fd, FAILED + body)

    def wait_executed(self) -> None:
        """
        Wait until the program is executed.

        :raise RunjdError: it was not.
        """
        message = self.receive()
        if message.kind == FAILED:
            raise message.error()


def pair() -> tuple[Channel, Channel]:
    """Return both ends, the parent's first."""
    one, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    return Channel(one), Channel(other)
