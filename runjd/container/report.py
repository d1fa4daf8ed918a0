"""
What the child between fork and exec and whoever waits for it say to each other.

A SOCK_SEQPACKET pair, so each message arrives whole, as FreeBSD 15 has it only where
MSG_EOR ends one; its first byte says what it is.  The descriptor is close-on-exec:
end of file after ``B`` means that the program was executed, before it that the
other side died, or gave the order to another caller.

=========  =================  ===============================================
byte       from               meaning
=========  =================  ===============================================
``U``      child              something was made on the host; an Undo as JSON
``H``      child              everything is mounted: run the hooks that come now
``P``      child              another process goes on, a child of ours: its pid
``R``      child              ready: only the order is missing
``B``      child              about to execute the program; last of all
``E``      child              it failed; the error's record as JSON; the end
``K``      parent             go on: what was made is on record, the hooks have run
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
HOOKS = b"H"
APPEARED = b"P"
READY = b"R"
ABOUT = b"B"
FAILED = b"E"
GO_ON = b"K"
EXECUTE = b"X"
WAIT = b"W"

#: bytes of the largest message
_LIMIT = 32 << 10
#: of an error, which is cut where it is longer: FreeBSD before 15 sends 8 KiB (net.local.seqpacket.maxseqpacket)
_LONGEST_ERROR = 8000


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

    def pid(self) -> int:
        """Return what APPEARED tells; 0 where it is no number."""
        return int(self.body) if self.body.isdigit() and len(self.body) < 20 else 0

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

    def limit(self, seconds: float) -> None:
        """Wait no longer than that for each message from now on."""
        self._socket.settimeout(seconds)

    def receive(self) -> Message:
        """
        Wait for the next message.

        :raise RuntimeFailure: it did not come in time, where that is limited.
        """
        try:
            packet = self._socket.recv(_LIMIT)
        except TimeoutError:
            raise RuntimeFailure("enter the container", "somebody inside stopped the process on its way") from None
        except ConnectionResetError:
            packet = b""
        return Message(packet[:1], packet[1:])

    def send(self, kind: bytes) -> None:
        """Say something that needs no more words."""
        self._send(kind)

    def reply(self) -> None:
        """Let the other side go on; whether it still is there the next message tells."""
        try:
            self._send(GO_ON)
        except BrokenPipeError:
            pass

    def ask(self, kind: bytes) -> None:
        """
        Say something, and wait until we may go on.

        :raise RuntimeFailure: the other side is gone.
        """
        try:
            self._send(kind)
        except BrokenPipeError:
            pass
        if self.receive().kind != GO_ON:
            raise RuntimeFailure("create the container", "whoever creates it was killed")

    def made(self, undo: Undo) -> None:
        """Tell of something that will have to be taken back, and wait until that is on record; raises as ask()."""
        self.ask(UNDO + dumps([undo.action, undo.target]).encode())

    def about_to_execute(self) -> bool:
        """Tell whoever gave the order that it is carried out now; False: he was killed, and the order stands."""
        try:
            self._send(ABOUT)
        except OSError:
            return False
        return True

    def appeared(self, pid: int) -> None:
        """Tell who goes on."""
        self._send(APPEARED + b"%d" % pid)

    def failed(self, error: BaseException) -> None:
        """Tell why it is over. Whatever the error is, something that can be read is sent."""
        if not isinstance(error, RunjdError):
            error = RuntimeFailure("start the program", f"{type(error).__name__}: {error}")
        record = error.to_record()
        record["message"] = error.message[: _LONGEST_ERROR // 8]
        body = dumps(record).encode()
        if len(body) >= _LONGEST_ERROR:
            record["details"] = {}
            body = dumps(record).encode()
        # a filter of system calls hardly ever forbids write(2)
        os.write(self.fd, FAILED + body)

    def wait_executed(self) -> bool:
        """
        Wait until the program is executed.

        :return: False: the other side died before that, or took the order from another caller.
        :raise RunjdError: it could not be.
        """
        is_about = False
        while (message := self.receive()).kind:
            if message.kind == FAILED:
                raise message.error()
            is_about = is_about or message.kind == ABOUT
        return is_about

    def _send(self, packet: bytes) -> None:
        # in the child SIGPIPE would be the end
        self._socket.send(packet, _socket.MSG_NOSIGNAL | _socket.MSG_EOR)


def pair() -> tuple[Channel, Channel]:
    """Return both ends, the parent's first."""
    one, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    return Channel(one), Channel(other)
