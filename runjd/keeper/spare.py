"""
A worker that is there before its job, so that whoever asks does not wait for a fork.

A fork of an interpreter, and the pages that it copies until it can begin, take as
long as most jobs do.  There is one of a sort at most, and only as long as jobs come: a keeper
that has nothing to do has no worker.  It knows nothing that another does not, as all
that a job needs comes with it or is on the disk.
"""

from __future__ import annotations

from runjd.keeper.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from runjd.keeper.jobs import Job
    from runjd.keeper.loop import Loop, Timer

#: see :class:`Spare`
PATIENCE = 30.0
#: seconds after a job in which it is told, and a program that ends at once ends
_DELAY = 0.003


class Spare:
    """
    The one worker that waits, if there is one.

    :param fork: forks a worker whose job comes over the returned socket; returns its pid, too.
    :param patience: seconds without a job after which it is let go; 0: there is never one.
    """

    def __init__(self, loop: Loop, fork: Callable[[], tuple[int, _socket.socket]], patience: float = PATIENCE) -> None:
        self._loop = loop
        self._fork = fork
        self._patience = patience
        self._pid = 0
        self._socket: _socket.socket | None = None
        self._timer: Timer | None = None
        # let go, or found dead, and not reaped
        self._leaving: set[int] = set()

    def __contains__(self, pid: object) -> bool:
        """Whether a child waits, or has waited and was not reaped."""
        return pid == self._pid or pid in self._leaving

    def want(self) -> None:
        """A job was done, so another one may come: have a worker for it, once others had their turn."""
        if self._patience <= 0:
            return
        self._later(_DELAY, self._have) if self._socket is None else self._later(self._patience, self.let_go)

    def give(self, job: Job) -> tuple[int, _socket.socket] | None:
        """Give it a job; return its pid and the socket to it, which are the caller's. None: there is nobody."""
        socket, pid = self._socket, self._pid
        if socket is None:
            return None
        try:
            data = encode(job)
            if socket.send(data) == len(data):
                self._socket, self._pid = None, 0
                return pid, socket
        except OSError:
            pass
        self.let_go()  # it is dead, or the job is too long to be given in one piece
        return None

    def let_go(self) -> None:
        """Let it end, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._leaving.add(self._pid)
            self._socket, self._pid = None, 0

    def ended(self, pid: int) -> bool:
        """Take note that a child was reaped; False: it is none that waits or waited."""
        if pid == self._pid:
            self.let_go()
        if pid in self._leaving:
            self._leaving.discard(pid)
            return True
        return False

    def _have(self) -> None:
        if self._socket is not None:
            return
        try:
            self._pid, self._socket = self._fork()
        except OSError:
            return  # whoever needs one is told
        self._socket.setblocking(False)
        self._later(self._patience, self.let_go)

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, callback)
