"""
Learning how processes end by EVFILT_PROC of kqueue(2).

NOTE_EXIT brings the status also of processes that are not our children, and of
zombies at once; a change of credentials or jail does not end the watch.
"""

from __future__ import annotations

from runjd.kernel.exitwatch import Ended, ExitWatch, ended
from runjd.kernel.freebsd.events import EVFILT_PROC, NOTE_EXIT

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

    def fileno(self) -> int:
        return self._queue.fileno()

    def watch(self, pid: int, start: int) -> None:
        self.forget(pid)
        self._queue.watch(pid, EVFILT_PROC, NOTE_EXIT)
        self._watched[pid] = start
        # now that the registration cannot be another's
        seen = self._process(pid)
        if seen is None or seen.start_time != start:
            self.forget(pid)
            raise ProcessLookupError(3, "No such process", str(pid))

    def forget(self, pid: int) -> None:
        if self._watched.pop(pid, None) is None:
            return
        try:
            self._queue.forget(pid, EVFILT_PROC)
        except FileNotFoundError:  # its end waits to be read, and is nobody's any more
            return

    def ended(self) -> list[Ended]:
        found = []
        for event in self._queue.events():
            start = self._watched.pop(event.ident, None) if event.notes & NOTE_EXIT else None
            if start is not None:
                found.append(ended(event.ident, start, event.data))
        return found

    def close(self) -> None:
        self._watched.clear()
        self._queue.close()
