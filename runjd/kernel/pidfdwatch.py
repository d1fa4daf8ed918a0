"""
Learning how processes end by pidfd_open(2): one descriptor for each.

The descriptor becomes readable when the process is a zombie.  Its status then
stands in proc_pid_stat(5), until whoever is its parent reaps it; from there on
the kernel keeps it for those who hold the descriptor (PIDFD_GET_INFO with
PIDFD_INFO_EXIT, Linux 6.15).  An older kernel forgets it, and nobody can know.
"""

from __future__ import annotations

import os
import select

from runjd.kernel.exitwatch import Ended, ExitWatch, ended
from runjd.kernel.pidfd import KEEPS_STATUS, pidfd_exit_status, pidfd_open
from runjd.kernel.process import look, zombie_status
from runjd.kernel.release import numbers_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_A_TURN = 64


class PidfdWatch(ExitWatch):
    """
    An epoll(7) of pidfds.

    :param release: of the kernel, as uname(1) -r says.
    """

    def __init__(self, release: str = os.uname().release) -> None:
        self.is_patient = numbers_of(release) >= KEEPS_STATUS
        self._epoll = select.epoll()
        # by pid: descriptor and start time
        self._watched: dict[int, tuple[int, int]] = {}
        self._pids: dict[int, int] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def watch(self, pid: int, start: int, jid: int = 0) -> None:
        self.forget(pid)
        fd = pidfd_open(pid)
        try:
            # now that the descriptor cannot be another's
            seen = look(pid)
            if seen is None or seen.start_time != start:
                raise ProcessLookupError(3, "No such process", str(pid))
            self._epoll.register(fd, select.EPOLLIN)
        except BaseException:
            os.close(fd)
            raise
        self._watched[pid] = fd, start
        self._pids[fd] = pid

    def go_on(self, pid: int, start: int, held: int) -> None:
        self.forget(pid)
        # it is still the process that it was opened for, and tells the status of one that ended meanwhile
        self._epoll.register(held, select.EPOLLIN)
        self._watched[pid] = held, start
        self._pids[held] = pid

    def held(self) -> Mapping[int, int]:
        return {pid: fd for pid, (fd, _) in self._watched.items()}

    def forget(self, pid: int) -> None:
        fd, _ = self._watched.pop(pid, (-1, 0))
        if fd >= 0:
            del self._pids[fd]
            self._epoll.unregister(fd)  # a copy in a forked child would keep it watched
            os.close(fd)

    def ended(self) -> list[Ended]:
        found = []
        for fd, _ in self._epoll.poll(0, _A_TURN):
            pid = self._pids[fd]
            start = self._watched[pid][1]
            found.append(ended(pid, start, _status(fd, pid, start)))
            self.forget(pid)
        return found

    def close(self) -> None:
        for pid in list(self._watched):
            self.forget(pid)
        self._epoll.close()


def _status(fd: int, pid: int, start: int) -> int | None:
    """Return the status of a process that is a zombie, or was reaped."""
    status = zombie_status(pid, start)
    return pidfd_exit_status(fd) if status is None else status
