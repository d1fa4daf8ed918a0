"""
Those with whom the daemon is done, and who have not said good-bye.

A connection by TLS ends when both sides have said so.  Who never does would keep a descriptor of the porter for as
long as he likes, and who showed a certificate that no rule names is done at once and can come again: so there are few
of them, and they have a while in which the rest is sent.
"""

from __future__ import annotations

import select
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: how many there may be; the first of more is cut off
PLACES = 64
#: seconds that each has
PATIENCE = 60.0


class Departures:
    """Connections that are about to end."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._leaving: dict[Any, IDelayedCall] = {}

    def begin(self, transport: Any) -> None:
        """Have a connection end in a while, or be cut off; where that was said before, it stays so."""
        if transport in self._leaving:
            return
        if len(self._leaving) >= PLACES:
            self._cut_off(next(iter(self._leaving)))
        self._leaving[transport] = self._clock.callLater(PATIENCE, self._cut_off, transport)

    def end(self, transport: Any) -> None:
        """A connection has ended."""
        call = self._leaving.pop(transport, None)
        if call is not None and call.active():
            call.cancel()

    def _cut_off(self, transport: Any) -> None:
        self.end(transport)
        transport.abortConnection()


def has_hung_up(fd: int) -> bool:
    """Return whether the other end of a socket is closed, without reading what it said before."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))
