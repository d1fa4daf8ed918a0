"""
An outlet that is a stream to somebody who may be slow, or gone: a syslog server, a program.

One chunk at a time is handed to the transport, the next when the kernel has taken all of it, so nothing piles up
here but what waits anyway.  What was not taken whole when the other end went away is sent again to the next one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPullProducer, IReactorTime
from zope.interface import implementer

from runjd.logs.contract import Source
from runjd.logs.formats.contract import Pieces
from runjd.protocols.outlets.outlet import Outlet

#: seconds until the other end is looked for again: the first time, and at most
FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
#: seconds that it stayed, after which the next time is the first again
STEADY = 10.0


@implementer(IPullProducer)
class PullOutlet(Outlet):
    """
    The waiting records, and the transport they go to.

    :param name: for people.
    :param refused: told the name, and why nothing can be sent, or None when it can be again.
    :cvar is_to_stay: the other end is not expected to go while there is nothing to send.
    """

    is_to_stay = False

    def __init__(self, clock: IReactorTime, name: str, refused: Callable[[str, OSError | None], None]) -> None:
        self.path = name
        self._clock = clock
        self._refused = refused
        self._queue: deque[tuple[Pieces, Callable[[int], None]]] = deque()
        self._transport: Any = None
        self._is_connecting = False
        self._is_sending = False
        self._is_closed = False
        self._is_refused = False
        self._delay = FIRST_DELAY
        self._connected_at = 0.0
        self._retry: IDelayedCall | None = None

    @abstractmethod
    def connect(self) -> None:
        """Look for the other end; call :meth:`connected` or :meth:`disconnected`, now or later."""

    # --- what the other end does ----------------------------------------------------

    def connected(self, transport: Any) -> None:
        """It is there: a transport that takes a pull producer."""
        self._is_connecting = False
        self._transport = transport
        self._connected_at = self._clock.seconds()
        transport.registerProducer(self, False)

    def sends_to(self, transport: Any) -> bool:
        """Return whether that is the one that records go to now."""
        return transport is self._transport

    def disconnected(self, error: OSError, transport: Any = None) -> None:
        """
        It is gone, or not there.

        :param transport: that it had; None where it never was there.
        """
        if transport is not self._transport:
            return  # one that was let go
        self._is_connecting = False
        self._transport = None
        self._is_sending = False
        if transport is not None and self._clock.seconds() - self._connected_at >= STEADY:
            self._delay = FIRST_DELAY
        if not self._is_refused and (self._queue or self.is_to_stay):
            self._is_refused = True
            self._refused(self.path, error)
        if self._retry is None:
            self._retry = self._clock.callLater(self._delay, self._try_again)
            self._delay = min(LONGEST_DELAY, self._delay * 2)

    # --- IPullProducer ----------------------------------------------------------------

    def resumeProducing(self) -> None:
        if self._transport is None:
            return
        if self._is_sending:
            self._is_sending = False
            if self._is_refused:
                self._is_refused = False
                self._refused(self.path, None)
            self._queue.popleft()[1](0)
        self._send()

    def stopProducing(self) -> None:
        """The transport says again that it is lost."""

    # --- LogFile --------------------------------------------------------------------

    def write(
        self,
        records: Pieces,
        done: Callable[[int], None],
        *,
        is_line_end: bool = True,
        source: Source | None = None,
    ) -> None:
        self._is_closed = False
        if not records and not self._queue:
            done(0)
            return
        self._queue.append((records, done))
        self._send()

    def close(self) -> None:
        self._is_closed = True
        self._let_go_if_closed()

    def abandon(self) -> None:
        waiting = list(self._queue)
        self._queue.clear()
        self._is_sending = False
        self.close()
        for _, done in waiting:
            done(0)

    # --- inside -----------------------------------------------------------------------

    def _send(self) -> None:
        if self._is_sending:
            return
        while self._queue and not self._queue[0][0]:
            self._queue.popleft()[1](0)  # only a mark behind what was sent
        if not self._queue:
            self._let_go_if_closed()
        elif self._transport is not None:
            self._is_sending = True
            self._transport.write(b"".join(self._queue[0][0]))
        elif not self._is_connecting and self._retry is None:
            self._is_connecting = True
            self.connect()

    def _try_again(self) -> None:
        self._retry = None
        self._send()

    def _let_go_if_closed(self) -> None:
        if not self._is_closed or self._queue:
            return
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.unregisterProducer()
            transport.loseConnection()
