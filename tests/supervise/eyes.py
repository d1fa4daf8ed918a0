"""A watch of exits for tests: it sees what it is told to see."""

from __future__ import annotations

import os

from runjd.kernel.exitwatch import Ended, ExitWatch


class Eyes(ExitWatch):
    """
    A watch without processes.

    :ivar gone: pids that cannot be watched, as they are gone.
    :ivar watched: start times by pid.
    :ivar jails: pids by the jid of their jail.
    """

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.watched: dict[int, int] = {}
        self.jails: dict[int, int] = {}
        self._ended: list[Ended] = []
        self._removed: list[int] = []
        self._pipe = os.pipe()

    def fileno(self) -> int:
        return self._pipe[0]

    def watch(self, pid: int, start: int, jid: int = 0) -> None:
        if pid in self.gone:
            raise ProcessLookupError(3, "No such process")
        self.watched[pid] = start
        self.jails[jid] = pid

    def forget(self, pid: int) -> None:
        self.watched.pop(pid, None)

    def ended(self) -> list[Ended]:
        if self._ended or self._removed:
            os.read(self._pipe[0], 1000)
        found, self._ended = self._ended, []
        return [each for each in found if self.watched.pop(each.pid, None) is not None]

    def removed(self) -> list[int]:
        found, self._removed = self._removed, []
        return found

    def close(self) -> None:
        for fd in self._pipe:
            os.close(fd)

    def see(self, pid: int, status: int | None, signal: int | None = None) -> None:
        """A process ends."""
        self._ended.append(Ended(pid, self.watched.get(pid, 0), status, signal))
        os.write(self._pipe[1], b"x")

    def see_removal(self, jid: int) -> None:
        """Somebody removes a jail."""
        self._removed.append(self.jails[jid])
        os.write(self._pipe[1], b"x")
