"""
One socket of a connection, of which never more than a bounded number of bytes waits to be sent.

Where nothing is wanted of it, it is not watched: poll(2) tells its end again and again, or, on FreeBSD, does not wake
up for it.  Its end is looked for then.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable

from runjd.keeper.loop import HANGUP, READ, WRITE, Loop

#: bytes that may wait in a side, and the other one is still read; what is read at once
LIMIT = 65_536
#: a struct linger of socket(7): what is not sent yet is dropped
AT_ONCE = struct.pack("@ii", 1, 0)


class Side:
    """
    One of the two.

    :param happened: called when something is there to be read, or its other end is gone: with what of it.
    :ivar waiting: bytes that are to be sent.
    :ivar is_open: False: the socket is closed.
    """

    def __init__(self, loop: Loop, connection: socket.socket, happened: Callable[[int], None]) -> None:
        connection.setblocking(False)
        self._loop = loop
        self._socket = connection
        self._happened = happened
        self._mask = 0
        self._shuts = self._is_shut = False
        self.waiting = bytearray()
        self.is_open = True

    @property
    def is_full(self) -> bool:
        """Whether so much waits here that the other side should not be read."""
        return len(self.waiting) >= LIMIT

    def read(self) -> bytes | None:
        """Return what came; nothing at the end, None where nothing is there."""
        try:
            return self._socket.recv(LIMIT)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def send(self) -> bool:
        """Send what waits, as far as it can be; return False where nobody will ever take it."""
        try:
            while self.waiting:
                del self.waiting[: self._socket.send(self.waiting)]
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            self.waiting.clear()
            return False
        if self._shuts and not self._is_shut:
            self._is_shut = True
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                return False
        return True

    def shut(self) -> None:
        """Say, behind what waits, that nothing follows."""
        self._shuts = True

    def watch(self, *, reads: bool) -> None:
        """Watch for what is wanted now."""
        mask = (READ if reads else 0) | (WRITE if self.waiting else 0)
        if not self.is_open or mask == self._mask:
            return
        before, self._mask = self._mask, mask
        if not mask:
            self._loop.unwatch(self._socket.fileno())
        elif before:
            self._loop.change(self._socket.fileno(), mask)
        else:
            self._loop.watch(self._socket.fileno(), mask, self._happened)

    @property
    def is_watched(self) -> bool:
        """Whether the loop would tell its end."""
        return bool(self._mask)

    def has_hung_up(self) -> bool:
        """Return whether the other end is closed, without reading what it said before."""
        poll = select.poll()
        poll.register(self._socket.fileno(), 0)
        return any(events & HANGUP for _, events in poll.poll(0))

    def close(self, *, resets: bool = False) -> None:
        """
        Close it; what waits is lost.

        :param resets: also what the kernel has, which would keep it as long as the other end likes.
        """
        if self.is_open:
            if resets:
                try:
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                except OSError:
                    pass
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self.is_open, self._mask = False, 0
            self.waiting.clear()
            # who is called has us: without that nobody has to look for what nobody needs any more
            self._happened = _nothing


def _nothing(mask: int) -> None:
    """In the place of who was told."""
