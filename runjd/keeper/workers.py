"""
Workers: forked for one job each, so that the keeper never waits for a mount or a lock.

A worker reports once, on a pair of sockets, and is gone; what it leaves running
comes back to the keeper, which is a reaper.  A worker that takes too long is
killed with its group.
"""

from __future__ import annotations

import _socket
import array
import fcntl
import os
from collections import deque

from runjd.errors import LimitReached, RunjdError, TimedOut
from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.jobs import failed
from runjd.keeper.loop import READ
from runjd.keeper.wire import WireError, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from typing import NoReturn

    from runjd.keeper.jobs import Job
    from runjd.keeper.loop import Loop, Timer

    Perform = Callable[[Job, Callable[[float], None]], Parcel]
else:
    import _signal

#: numbers below are for what a program is given (:data:`runjd.container.readiness.NUMBERS`)
_FREE = 10
#: key of the message, before the report, that tells how many seconds the rest may take longer
_EXPECT = "expect"
#: reads of 64 KiB that hold any report
_READS_MAX = 32


class Order:
    """
    A job, and who waits for it.

    :param finished: called once, with the report, whose descriptors are the
        callee's, and whether the worker itself gave it: if not, it died, and nobody
        knows how far it came.
    :param asker: whose job it is, for :meth:`Workers.withdraw`.
    """

    __slots__ = ("asker", "finished", "job")

    def __init__(self, job: Job, finished: Callable[[Parcel, bool], None], asker: object = None) -> None:
        self.job = job
        self.finished = finished
        self.asker = asker


class Workers:
    """
    At most so many at once; other orders queue up.

    :param become: called first in a worker, with the descriptor to keep: lets go
        of all that is the keeper's.
    :param perform: does the job, in the worker; takes what it tells how many seconds the job takes longer.
    :param limit: workers at once.
    :param patience: seconds that a worker may take, beside what it told.
    """

    def __init__(
        self,
        loop: Loop,
        become: Callable[[int], None],
        perform: Perform,
        *,
        limit: int = 8,
        patience: float = 60.0,
    ) -> None:
        self._loop = loop
        self._become = become
        self._perform = perform
        self._limit = limit
        self._patience = patience
        self._queue: deque[Order] = deque()
        self._at_work: dict[int, _Worker] = {}
        # have reported, and are about to be reaped
        self._leaving: set[int] = set()
        self._last = 0

    @property
    def is_idle(self) -> bool:
        """Whether no job is being done and none waits."""
        return self.unfinished == 0

    @property
    def queued(self) -> int:
        """How many jobs no worker has begun."""
        return len(self._queue)

    @property
    def unfinished(self) -> int:
        """How many jobs have not been reported."""
        return len(self._queue) + len(self._at_work)

    def jails(self) -> set[str]:
        """Return the jails that a job which was not reported is about."""
        orders = [*self._queue, *(worker.order for worker in self._at_work.values())]
        return {str(order.job.get("jail")) for order in orders}

    @property
    def newest(self) -> int:
        """Number of the worker that was forked last; each has the next higher one."""
        return self._last

    @property
    def oldest_at_work(self) -> int:
        """Number of the oldest worker that has not reported; higher than ``newest`` where there is none."""
        return min((worker.number for worker in self._at_work.values()), default=self._last + 1)

    def submit(self, order: Order) -> None:
        """Have a job done, as soon as there is a worker."""
        self._queue.append(order)
        self._fill()

    def withdraw(self, asker: object) -> None:
        """Forget the jobs of one asker that no worker has begun; nobody is told."""
        self._queue = deque(order for order in self._queue if order.asker is not asker)

    def ended(self, pid: int) -> bool:
        """Take note that a child is a zombie and about to be reaped; False: it is no worker."""
        if pid in self._leaving:
            self._leaving.discard(pid)
            return True
        worker = self._at_work.get(pid)
        if worker is None:
            return False
        # All of its report is in the socket; end of file may never come, as a child of its own may hold the socket.
        for _ in range(_READS_MAX):
            self._read(worker)
            if pid not in self._at_work:
                break
        else:
            self._lose(worker, "ended without a report")
        self._leaving.discard(pid)
        return True

    def _fill(self) -> None:
        while self._queue and len(self._at_work) < self._limit:
            self._start(self._queue.popleft())

    def _start(self, order: Order) -> None:
        try:
            ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
            pid = os.fork()
        except OSError as error:
            order.finished(failed(LimitReached(f"the keeper cannot fork a worker: {error.strerror}")), True)
            return
        if pid == 0:
            _work(self._become, self._perform, order.job, theirs)
        theirs.close()
        self._last += 1
        channel = Channel(ours)
        worker = _Worker(self._last, pid, channel, order)
        self._wait(worker, 0)
        self._at_work[pid] = worker
        self._loop.watch(channel.fileno(), READ, lambda _: self._read(worker))

    def _read(self, worker: _Worker) -> None:
        try:
            parcels = worker.channel.receive()
        except EOFError:
            self._lose(worker, "ended without a report")
        except (OSError, WireError) as error:
            self._lose(worker, f"gave a report that cannot be used: {error}")
        else:
            for parcel in parcels:
                more = parcel.message.get(_EXPECT)
                if not isinstance(more, int | float):
                    self._end(worker, parcel, True)
                    break
                self._wait(worker, more)

    def _wait(self, worker: _Worker, more: float) -> None:
        """Wait for a worker as long as it may take from now on, and some seconds more that hooks are entitled to."""
        if worker.timer is not None:
            worker.timer.cancel()
        seconds = self._patience + more
        worker.timer = self._loop.call_later(seconds, lambda: self._too_late(worker, seconds))

    def _too_late(self, worker: _Worker, seconds: float) -> None:
        _kill_group(worker.pid)
        what = worker.order.job.get("m")
        self._end(worker, failed(TimedOut(f"{what} took longer than {seconds:g} s; its worker was killed")), False)

    def _lose(self, worker: _Worker, how: str) -> None:
        _kill_group(worker.pid)
        self._end(worker, failed(RunjdError(f"the worker for {worker.order.job.get('m')} {how}")), False)

    def _end(self, worker: _Worker, report: Parcel, is_its_own: bool) -> None:
        del self._at_work[worker.pid]
        self._leaving.add(worker.pid)
        if worker.timer is not None:
            worker.timer.cancel()
        self._loop.unwatch(worker.channel.fileno())
        worker.channel.close()
        try:
            worker.order.finished(report, is_its_own)
        finally:
            self._fill()


class _Worker:
    """A worker that has not reported yet."""

    __slots__ = ("channel", "number", "order", "pid", "timer")

    def __init__(self, number: int, pid: int, channel: Channel, order: Order) -> None:
        self.number = number
        self.pid = pid
        self.channel = channel
        self.order = order
        self.timer: Timer | None = None


def _work(become: Callable[[int], None], perform: Perform, job: Job, theirs: _socket.socket) -> NoReturn:
    """In the worker: do the job, report, and be gone; nothing else of the keeper runs here."""
    try:
        os.setpgid(0, 0)
        if theirs.fileno() < _FREE:
            theirs = _socket.socket(fileno=fcntl.fcntl(theirs.detach(), fcntl.F_DUPFD_CLOEXEC, _FREE))
        become(theirs.fileno())
        report = perform(job, lambda seconds: theirs.sendall(encode({_EXPECT: seconds})) if seconds else None)
        try:
            data = encode(report.message, len(report.descriptors))
        except WireError as error:
            report = failed(RunjdError(f"the answer cannot be sent: {error}"))
            data = encode(report.message)
        _send_whole(theirs, data, report.descriptors)
    finally:
        os._exit(0)


def _send_whole(socket: _socket.socket, data: bytes, descriptors: tuple[int, ...]) -> None:
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sent = socket.sendmsg([data], rights)
    if sent < len(data):
        socket.sendall(data[sent:])


def _kill_group(pid: int) -> None:
    """Kill a worker and what it forked; it was not reaped, so the group is still its own."""
    for kill in (os.killpg, os.kill):  # it may not lead a group yet
        try:
            kill(pid, _signal.SIGKILL)
        except ProcessLookupError:
            continue
