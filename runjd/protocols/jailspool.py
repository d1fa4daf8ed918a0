"""
What a process wrote while no daemon was there: a file of the keeper, which is read before the output goes on.

The keeper has the same description of the file open, so its offset tells the next
daemon how far we came.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

#: bytes of one read; there is one read in a turn of the reactor
READ_SIZE = 131_072


class JailSpool:
    """
    Reads it piece by piece, when told to.

    :param fd: its descriptor; closed by us.
    :param came: called with each piece.
    :param ended: called once all was read, and it is closed; not by :meth:`drain`.
    """

    __slots__ = ("_call", "_came", "_ended", "_fd", "_reactor")
    _log = Logger()

    def __init__(
        self, reactor: IReactorTime, fd: int, came: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._fd = fd
        self._came = came
        self._ended = ended
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Read from the reactor's next turn on."""
        if self._fd >= 0 and self._call is None:
            self._call = self._reactor.callLater(0, self._turn)

    def stop(self) -> None:
        """Read no more until started."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def drain(self) -> None:
        """Read the rest at once, and close."""
        while data := self._read():
            self._came(data)
        self.close()

    def close(self) -> None:
        """Close; what was not read is there for the next daemon."""
        self.stop()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)  # at once, as no reactor watches it

    def _turn(self) -> None:
        self._call = None
        data = self._read()
        if not data:
            self.close()
            self._ended()
            return
        self.start()  # before, as whoever gets the piece may stop us
        self._came(data)

    def _read(self) -> bytes:
        if self._fd < 0:
            return b""
        try:
            return os.read(self._fd, READ_SIZE)
        except OSError as error:
            self._log.error("what a process wrote without a daemon cannot be read: {error}", error=error.strerror)
            return b""
