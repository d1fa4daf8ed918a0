"""What the programs of a soak wrote down of their runs: the truth."""

from __future__ import annotations

import os

from runjd.kernel.process import look
from runjd.values import Value


class Run(Value):
    """
    One run of a jail's program.

    :ivar start: its start time, which with the pid is its identity.
    :ivar began, ended: by the wall clock; ended is None where it did not choose its end, or has none yet.
    :ivar status: the exit status that it chose; None: none so far.
    :ivar outs, errs: lines that it wrote, where it chose its end.
    """

    jail: str
    number: int
    pid: int
    start: int
    began: float
    ended: float | None = None
    status: int | None = None
    outs: int = 0
    errs: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether the process lives."""
        seen = look(self.pid)
        return seen is not None and seen.alive and seen.start_time == self.start


class Book:
    """
    The runs of one jail, read as they are written.

    :ivar runs: oldest first.
    :ivar twice: pids of instances that found another one alive.
    """

    def __init__(self, directory: str, jail: str) -> None:
        self._path = f"{directory}/runs"
        self._jail = jail
        self._place = 0
        self._dead: set[int] = set()
        self.runs: list[Run] = []
        self.twice: list[int] = []

    def alive(self) -> list[Run]:
        """Return the runs that go on."""
        found = []
        for run in self.runs:
            if run.number not in self._dead:
                if run.is_alive:
                    found.append(run)
                else:
                    self._dead.add(run.number)
        return found

    def read(self) -> None:
        """Read what was added."""
        if not os.path.exists(self._path):
            return
        with open(self._path, "rb") as file:
            file.seek(self._place)
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]
        self._place += len(added)
        for each in added.decode().splitlines():
            kind, *words = each.split()
            if kind == "begin":
                number, pid, start, began = words
                self.runs.append(Run(self._jail, int(number), int(pid), int(start), float(began)))
            elif kind == "end":
                number, status, outs, errs, ended = words
                run = self.runs[int(number) - 1]
                self.runs[int(number) - 1] = run._replace(
                    ended=float(ended), status=int(status), outs=int(outs), errs=int(errs)
                )
            else:
                self.twice.append(int(words[0]))
