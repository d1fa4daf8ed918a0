"""The scripted program of a jail of :class:`runjd.supervise.memory.MemoryController`."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from runjd.policy.facts import ExitRecord
from runjd.supervise.memorylog import MemoryLog
from runjd.supervise.sessions import Viewers

_SIGKILL = 9
#: signals that it survives: CHLD, CONT, URG, WINCH
_IGNORED = frozenset({17, 18, 23, 28})


class MemoryProgram:
    """One program; a :class:`runjd.supervise.sessions.Target`."""

    def __init__(self, pid: int, terminal: bool, now: Callable[[], float], log: MemoryLog | None) -> None:
        self.pid = pid
        self.terminal = terminal
        self.viewers = Viewers()
        self.typed = bytearray()
        self.size: tuple[int, int] | None = None
        self.exited = False
        #: who waits for its end
        self.waiting: list[Deferred[ExitRecord]] = []
        #: what ``write`` returns: a Deferred while the program reads nothing
        self.reads_again: Deferred[None] | None = None
        self.ended: Callable[[ExitRecord], None] = lambda exit: None
        self._now = now
        self._log = log
        self._holds = 0
        self._held: list[tuple[str, bytes]] = []

    def output(self, stream: str, data: bytes) -> None:
        if self._holds:
            self._held.append((stream, data))
            return
        if self._log is not None:
            self._log.append(stream, data)
        self.viewers.output(stream, data)

    def end(self, status: int | None, signal: int | None) -> None:
        if self.exited:
            return
        self.exited = True
        self._holds = 0
        self._flush()
        if self._log is not None:
            self._log.finish()
        record = ExitRecord(self.pid, None if signal else status, signal, self._now())
        self.viewers.end(record)
        self.ended(record)

    def signal(self, signum: int) -> None:
        if signum not in _IGNORED:
            self.end(None, signum)

    # --- Target ------------------------------------------------------------

    def write(self, data: bytes) -> Deferred[None] | None:
        if self.exited:
            return None
        self.typed += data
        for line in data.splitlines(keepends=True):
            word, _, rest = line.rstrip(b"\r\n").partition(b" ")
            if word == b"exit" and rest.isdigit():
                self.end(int(rest) & 255, None)
                break
            if word == b"err":
                self.output("err", rest + b"\n")
            elif word == b"burst" and rest.isdigit():
                self.output("out", b"x" * int(rest))
            else:
                self.output("out", line)
        return self.reads_again

    def close_stdin(self) -> None:
        self.end(0, None)

    def resize(self, rows: int, columns: int) -> None:
        self.size = (rows, columns)

    def pause_output(self) -> None:
        self._holds += 1

    def resume_output(self) -> None:
        self._holds = max(0, self._holds - 1)
        if not self._holds:
            self._flush()

    def viewer_came(self) -> None:
        """Nobody has waited for one."""

    def viewer_left(self, is_owner: bool) -> None:
        if is_owner and self.terminal:
            self.end(None, 1)

    def _flush(self) -> None:
        held, self._held = self._held, []
        for stream, data in held:
            self.output(stream, data)
