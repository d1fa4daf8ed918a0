"""
A program that reads what a process writes: ``binary://`` of containerd.

It gets standard output as descriptor 3, standard error as 4, and says by closing
5, or by a byte, that it is ready.  Nothing of ours stands between: it reads what
the process writes until the last one that writes is gone.
"""

from __future__ import annotations

import os
import select
import time

from runjd.container.program import DEFAULT_PATH
from runjd.errors import RuntimeFailure, TimedOut
from runjd.kernel.process import start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping, Sequence
else:
    import _signal

#: the step of errors that say that there is none
START_LOGGER = "start the logger"
#: seconds that a logger may take until it is ready
READY_LIMIT = 20.0
#: how often, and after how many seconds, one that closed the pipe is looked at: it may have died
_LOOKS, _MOMENT = 4, 0.003
_FIRST = 3


class Logger:
    """
    One logger; started by :meth:`start`, and from then on on its own.

    :param argv: the program, by its path, and its arguments.
    :param environment: what it gets besides PATH.
    :param limit: seconds until it must be ready.
    :ivar pid: of the process; 0 before it is started.
    :ivar start_time: of the pid, in the kernel's unit.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], limit: float = READY_LIMIT) -> None:
        self._argv = tuple(argv)
        self._environment = {"PATH": os.environ.get("PATH", DEFAULT_PATH.decode()), **environment}
        self._limit = limit
        self._ends: dict[str, int] = {}
        self.pid = 0
        self.start_time = 0

    def start(self) -> None:
        """
        Run it, and return once it is ready.

        :raise RuntimeFailure: there is no such program, or it ended before.
        :raise TimedOut: it did not get ready in time.
        """
        read: list[int] = []
        for stream in ("out", "err"):
            end, self._ends[stream] = os.pipe2(os.O_CLOEXEC)
            read.append(end)
        ready, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._spawn([*read, theirs])
        except OSError as error:
            os.close(ready)
            self.end()
            reason = os.strerror(error.errno or 0)
            why = f"{self._argv[0]}: {reason.lower()}"
            raise RuntimeFailure(START_LOGGER, why, errno=error.errno or 0) from None
        finally:
            for fd in (*read, theirs):
                os.close(fd)
        try:
            self._wait(ready)
        except BaseException:
            self.end()
            raise
        finally:
            os.close(ready)

    def take(self, stream: str) -> int:
        """Return the end that the process writes ``out`` or ``err`` to; the caller's."""
        return self._ends.pop(stream)

    def end(self) -> None:
        """Close our ends and kill it: what it was to read does not come."""
        for fd in self._ends.values():
            os.close(fd)
        self._ends.clear()
        if self.pid:
            os.kill(self.pid, _signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def _spawn(self, fds: list[int]) -> None:
        # far from the numbers they are to have, where one would take another's place
        moved = [_move(fd) for fd in fds]
        null = _move(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
        actions: list[tuple[int, int, int]] = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, _FIRST + index) for index, fd in enumerate(moved)]
        try:
            self.pid = os.posix_spawn(
                self._argv[0],
                self._argv,
                self._environment,
                file_actions=actions,
                setpgroup=0,
                setsigmask=(),
                setsigdef=(_signal.SIGPIPE,),
            )
            self.start_time = start_time(self.pid)
        finally:
            for fd in (*moved, null):
                os.close(fd)

    def _wait(self, ready: int) -> None:
        poll = select.poll()
        poll.register(ready, select.POLLIN | select.POLLHUP)
        deadline = time.monotonic() + self._limit
        while True:
            if poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                break
            if time.monotonic() >= deadline:
                raise TimedOut(f"the logger {self._argv[0]} did not get ready within {self._limit:g} s")
        if os.read(ready, 1):
            return
        # it closed the pipe, or died, which is known a moment later
        for _ in range(_LOOKS):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                how = os.waitstatus_to_exitcode(status)
                why = f"{self._argv[0]} ended before it was ready, with status {how}"
                raise RuntimeFailure(START_LOGGER, why)
            time.sleep(_MOMENT)


def _move(fd: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)
