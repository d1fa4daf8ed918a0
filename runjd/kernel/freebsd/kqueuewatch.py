"""
Learning how processes end by EVFILT_PROC of kqueue(2), and that jails are removed by EVFILT_JAIL.

NOTE_EXIT brings the status also of processes that are not our children, and of
zombies at once; a change of credentials or jail does not end the watch.  A removal is
told when it begins, so before the ends of the processes (FreeBSD 15; EINVAL before).
"""

from __future__ import annotations

from runjd.kernel.exitwatch import Ended, ExitWatch, ended
from runjd.kernel.freebsd.events import EVFILT_JAIL, EVFILT_PROC, NOTE_EXIT, NOTE_JAIL_REMOVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.events import EventQueue
    from runjd.kernel.freebsd.processes import KernelProcess


class KqueueWatch(ExitWatch):
    """
    A kqueue of processes.

    :param queue: of nobody else.
    :param process: returns what the kernel says of a pid.
    """

    def __init__(self, queue: EventQueue, process: Callable[[int], KernelProcess | None]) -> None:
        self._queue = queue
        self._process = process
        # start times by pid
        self._watched: dict[int, int] = {}
        # pids by the jid of their jail
        self._jails: dict[int, int] = {}
        self._removed: list[int] = []

    def fileno(self) -> int:
        return self._queue.fileno()

    def watch(self, pid: int, start: int, jid: int = 0) -> None:
        self.forget(pid)
        self._queue.watch(pid, EVFILT_PROC, NOTE_EXIT)
        self._watched[pid] = start
        # now that the registration cannot be another's
        seen = self._process(pid)
        if seen is None or seen.start_time != start:
            self.forget(pid)
            raise ProcessLookupError(3, "No such process", str(pid))
        if jid and seen.jid == jid:
            self._watch_jail(jid, pid)

    def forget(self, pid: int) -> None:
        if self._watched.pop(pid, None) is None:
            return
        self._forget(pid, EVFILT_PROC)
        self._forget_jail_of(pid)

    def ended(self) -> list[Ended]:
        found = []
        for event in self._queue.events():
            if event.filter == EVFILT_JAIL:
                pid = self._jails.pop(event.ident, None) if event.notes & NOTE_JAIL_REMOVE else None
                self._removed += [] if pid is None else [pid]
                continue
            start = self._watched.pop(event.ident, None) if event.notes & NOTE_EXIT else None
            if start is not None:
                self._forget_jail_of(event.ident)
                found.append(ended(event.ident, start, event.data))
        return found

    def removed(self) -> list[int]:
        found, self._removed = self._removed, []
        return found

    def close(self) -> None:
        self._watched.clear()
        self._jails.clear()
        self._queue.close()

    def _watch_jail(self, jid: int, pid: int) -> None:
        try:
            self._queue.watch(jid, EVFILT_JAIL, NOTE_JAIL_REMOVE)
        except OSError:  # an older kernel, or the jail is gone; the end of the process is told nevertheless
            return
        self._jails[jid] = pid

    def _forget_jail_of(self, pid: int) -> None:
        for jid in [jid for jid, each in self._jails.items() if each == pid]:
            del self._jails[jid]
            self._forget(jid, EVFILT_JAIL)

    def _forget(self, ident: int, filter: int) -> None:
        try:
            self._queue.forget(ident, filter)
        except FileNotFoundError:  # its end waits to be read, and is nobody's any more
            return
