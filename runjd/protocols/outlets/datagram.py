"""Syslog by datagrams: over a Unix socket, or UDP."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from socket import socket

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from runjd.logs.contract import Source
from runjd.logs.formats.contract import Pieces
from runjd.protocols.outlets.outlet import Outlet

#: seconds until a receiver whose queue is full is tried again, and one that is not there
FULL_DELAY = 0.01
AWAY_DELAY = 0.5
#: datagrams sent in one turn of the reactor
_BURST = 200


class DatagramOutlet(Outlet):
    """
    Sends one datagram for each record.

    :param connect: returns a socket that is connected and does not block; fails with OSError.
    :param is_lossy: nobody says whether a datagram came to somebody, so an error is no reason to wait.
    :param refused: told the name, and why nothing can be sent, or None when it can be again.
    """

    def __init__(
        self,
        clock: IReactorTime,
        connect: Callable[[], Deferred[socket]],
        is_lossy: bool,
        name: str,
        refused: Callable[[str, OSError | None], None],
    ) -> None:
        self.path = name
        self._clock = clock
        self._connect = connect
        self._is_lossy = is_lossy
        self._refused = refused
        self._queue: deque[tuple[Pieces, Callable[[int], None]]] = deque()
        self._sent = 0  # of the first in the queue
        self._socket: socket | None = None
        self._is_connecting = False
        self._is_closed = False
        self._is_refused = False
        self._later: IDelayedCall | None = None

    def write(
        self,
        records: Pieces,
        done: Callable[[int], None],
        *,
        is_line_end: bool = True,
        source: Source | None = None,
    ) -> None:
        self._is_closed = False
        self._queue.append((records, done))
        self._send()

    def close(self) -> None:
        self._is_closed = True
        self._send()

    def abandon(self) -> None:
        waiting = list(self._queue)
        self._queue.clear()
        self._sent = 0
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self.close()
        for _, done in waiting:
            done(0)

    # --- inside -----------------------------------------------------------------------

    def _send(self) -> None:
        """Send what can be sent, in this turn or later."""
        if self._later is not None or self._is_connecting:
            return
        budget = _BURST
        while self._queue:
            records, done = self._queue[0]
            if self._sent < len(records):
                if self._socket is None:
                    self._open()
                    return
                if not budget:
                    self._wait(0.0)
                    return
                budget -= 1
                if not self._send_one(self._socket, records[self._sent]):
                    return
                self._sent += 1
                continue
            self._queue.popleft()
            self._sent = 0
            done(0)
        if self._is_closed:
            self._let_go()

    def _send_one(self, connection: socket, record: bytes | memoryview) -> bool:
        """Send one datagram; False where that has to wait."""
        try:
            connection.send(record)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOBUFS):
                self._wait(FULL_DELAY)
                return False
            if not self._is_lossy:
                self._lost(error)
                return False
        if self._is_refused:
            self._is_refused = False
            self._refused(self.path, None)
        return True

    def _open(self) -> None:
        def opened(connection: socket) -> None:
            self._is_connecting = False
            self._socket = connection
            self._send()

        def failed(failure: Failure) -> None:
            self._is_connecting = False
            error = failure.value
            self._lost(error if isinstance(error, OSError) else OSError(errno.EIO, str(error)))

        self._is_connecting = True
        self._connect().addCallbacks(opened, failed)

    def _lost(self, error: OSError) -> None:
        self._let_go()
        if not self._is_refused:
            self._is_refused = True
            self._refused(self.path, error)
        self._wait(AWAY_DELAY)

    def _wait(self, seconds: float) -> None:
        self._later = self._clock.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        self._later = None
        self._send()

    def _let_go(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
