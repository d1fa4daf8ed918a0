"""
What happens to processes and jails, by kqueue(2).

An exit is told with its status also for processes that are not our children, and
for zombies at once.  One event may tell of exec and exit together (seen on 13.2).
A queue is lost in a forked child: make it after daemonizing.
"""

from __future__ import annotations

import select

from runjd.values import Value

EVFILT_PROC = -5
# FreeBSD 15; EINVAL before
EVFILT_JAIL = -14
EVFILT_JAILDESC = -15

NOTE_EXIT = 0x80000000
NOTE_FORK = 0x40000000
NOTE_EXEC = 0x20000000

NOTE_JAIL_CHILD = 0x80000000
NOTE_JAIL_SET = 0x40000000
NOTE_JAIL_ATTACH = 0x20000000
NOTE_JAIL_REMOVE = 0x10000000
NOTE_JAIL_MULTI = 0x08000000

_EV_ADD = 0x1
_EV_DELETE = 0x2
_EV_CLEAR = 0x20


class Event(Value):
    """
    Something happened.

    :ivar ident: pid, jid or descriptor, as the filter says.
    :ivar notes: NOTE bits, more than one at a time.
    :ivar data: with NOTE_EXIT the status as wait(2) gives it.
    """

    ident: int
    filter: int
    notes: int
    data: int


class EventQueue:
    """A kqueue; its descriptor is readable while events wait."""

    def __init__(self) -> None:
        self._queue = select.kqueue()  # type: ignore[attr-defined]

    def fileno(self) -> int:
        """Return the descriptor, for poll(2)."""
        return int(self._queue.fileno())

    def close(self) -> None:
        """Forget all that is watched."""
        self._queue.close()

    def watch(self, ident: int, filter: int, notes: int) -> None:
        """
        Tell what happens to a process, jail or jail descriptor from now on.

        :raise ProcessLookupError: there is no such process.
        :raise OSError: EINVAL where the kernel does not have the filter.
        """
        self._change(ident, filter, _EV_ADD | _EV_CLEAR, notes)

    def forget(self, ident: int, filter: int) -> None:
        """
        Watch it no longer.

        :raise FileNotFoundError: it was not watched, or its end has been told.
        """
        self._change(ident, filter, _EV_DELETE, 0)

    def events(self, most: int = 64, timeout: float | None = 0) -> list[Event]:
        """
        Return what happened, oldest first.

        :param timeout: seconds to wait for the first; None: for ever.
        """
        found = self._queue.control(None, most, timeout)
        # Python gives the notes as they are, unsigned.
        return [Event(int(each.ident), each.filter, each.fflags & 0xFFFFFFFF, int(each.data)) for each in found]

    def _change(self, ident: int, filter: int, flags: int, notes: int) -> None:
        change = select.kevent(ident, filter, flags, notes)  # type: ignore[attr-defined]
        self._queue.control([change], 0, 0)
