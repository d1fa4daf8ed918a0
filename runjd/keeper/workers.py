"""
Workers: one for each job, so that the keeper never waits for a mount or a lock.

One is forked for its job, or was there before (:mod:`runjd.keeper.spare`).
A worker reports once, on a pair of sockets, and is gone; what it leaves running
comes back to the keeper, which is a reaper.  One that becomes a process of a jail
hands over what there is of it, and goes on under another name (:mod:`runjd.keeper.entrance`).
A worker that takes too long is killed with its group.
"""

from __future__ import annotations

import _socket
import os

from runjd.errors import LimitReached, RunjdError, TimedOut
from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.entrance import Entrance
from runjd.keeper.jobs import CLAIMED, UNFIT, failed
from runjd.keeper.loop import READ
from runjd.keeper.spare import PATIENCE, Spare
from runjd.keeper.wire import WireError
from runjd.keeper.working import ENTERS, EXPECT, work

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections import deque
    from collections.abc import Callable

    from runjd.keeper.jobs import Job
    from runjd.keeper.loop import Loop, Timer
    from runjd.keeper.working import Perform
else:
    import _signal
    from _collections import deque

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
    :param perform: does the job, in the worker.
    :param is_known: whether a pid is that of a process of a jail that was reported.
    :param limit: workers at once.
    :param patience: seconds that a worker may take, beside what it told.
    :param spare_time: see :class:`runjd.keeper.spare.Spare`.
    :param fork_first: forks a worker into a pid namespace of its own, where it can become the first process of a jail;
        None where there is nothing of the kind.
    :param forked: told of each fork.
    """

    def __init__(
        self,
        loop: Loop,
        become: Callable[[int], None],
        perform: Perform,
        is_known: Callable[[int], bool],
        *,
        limit: int = 8,
        patience: float = 60.0,
        spare_time: float = PATIENCE,
        fork_first: Callable[[], int] | None = None,
        forked: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._forked = forked
        self._become = become
        self._perform = perform
        self._is_known = is_known
        self._limit = limit
        self._patience = patience
        self._spare = Spare(loop, lambda: self._fork(None), spare_time)
        self._fork_first = fork_first
        # whether a worker could become what was started last: to fork one in vain costs as much as it would spare
        self._is_fit = True
        self._first = Spare(loop, lambda: self._fork(None, fork_first), spare_time if fork_first is not None else 0.0)
        self._queue: deque[Order] = deque()
        # by number
        self._at_work: dict[int, _Worker] = {}
        # by pid: those that were not reaped, whether they have reported or not
        self._unreaped: dict[int, _Worker] = {}
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

    def is_executing(self, jail: str, exec: str) -> bool:
        """Whether a job that was not reported runs a process of that name."""
        orders = [*self._queue, *(worker.order for worker in self._at_work.values())]
        return any(order.job.get("jail") == jail and order.job.get("exec") == exec for order in orders)

    @property
    def newest(self) -> int:
        """Number of the worker that was forked last; each has the next higher one."""
        return self._last

    @property
    def oldest_at_work(self) -> int:
        """Number of the oldest worker that has not reported; higher than ``newest`` where there is none."""
        return min(self._at_work, default=self._last + 1)

    def submit(self, order: Order) -> None:
        """Have a job done, as soon as there is a worker."""
        self._queue.append(order)
        self._fill()

    def withdraw(self, asker: object) -> None:
        """Forget the jobs of one asker that no worker has begun; nobody is told."""
        self._queue = deque(order for order in self._queue if order.asker is not asker)

    def ended(self, pid: int) -> bool:
        """Take note that a child is a zombie and about to be reaped; False: it is no worker."""
        worker = self._unreaped.get(pid)
        if worker is None:
            for each in self._at_work.values():
                each.process_ended(pid)
            return self._spare.ended(pid) or self._first.ended(pid)
        # All of its report is in the socket; end of file may never come, as a child of its own may hold the socket.
        for _ in range(_READS_MAX):
            if worker.number not in self._at_work or worker.has_left:
                break
            self._read(worker)
        else:
            if worker.number in self._at_work:
                self._lose(worker, "ended without a report")
        self._unreaped.pop(pid, None)
        worker.process_ended(pid)
        return True

    def _fill(self) -> None:
        while self._queue and len(self._at_work) < self._limit:
            self._start(self._queue.popleft())

    def _start(self, order: Order) -> None:
        try:
            pid, socket = self._give(order.job) or self._spare.give(order.job) or self._fork(order.job)
        except OSError as error:
            order.finished(failed(LimitReached(f"the keeper cannot fork a worker: {error.strerror}")), True)
            return
        self._last += 1
        channel = Channel(socket)
        worker = _Worker(self._last, pid, channel, order)
        self._wait(worker, 0)
        self._at_work[worker.number] = self._unreaped[pid] = worker
        self._loop.watch(channel.fileno(), READ, lambda _: self._read(worker))

    def _give(self, job: Job) -> tuple[int, _socket.socket] | None:
        """
        Give a start to a worker that can become what is started: who waits, or a new one if the last start was fit.

        :return: None where there is none, or the start was found unfit: any other worker takes it.
        """
        if self._fork_first is None or not _is_start(job) or job.get(UNFIT) is not None:
            return None
        given = self._first.give(job)
        if given is None and self._is_fit:
            try:
                return self._fork(job, self._fork_first)
            except OSError:
                # no right to it, or there are too many such namespaces: the start itself tells it better
                self._is_fit = False
        return given

    def _fork(self, job: Job | None, fork: Callable[[], int] | None = None) -> tuple[int, _socket.socket]:
        """Fork a worker, for a job or to wait for one; return its pid and the socket to it."""
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            pid = (fork or os.fork)()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            work(self._become, self._perform, theirs, job)
        theirs.close()
        self._forked()
        return pid, ours

    def _read(self, worker: _Worker) -> None:
        if worker.entrance is not None:
            report = worker.entrance.read()
            if report is not None:
                self._end(worker, report, True)
            return
        try:
            parcels = worker.channel.receive()
        except EOFError:
            self._lose(worker, "ended without a report")
        except (OSError, WireError) as error:
            self._lose(worker, f"gave a report that cannot be used: {error}")
        else:
            for parcel in parcels:
                more = parcel.message.get(EXPECT)
                if isinstance(more, int | float):
                    self._wait(worker, more)
                    continue
                if ENTERS in parcel.message:
                    self._enter(worker, parcel)
                elif UNFIT in parcel.message:
                    self._pass_on(worker)
                else:
                    self._end(worker, parcel, True)
                break

    def _enter(self, worker: _Worker, parcel: Parcel) -> None:
        """From now on it says how far it came on its way into a jail, to nobody but us."""
        self._loop.unwatch(worker.channel.fileno())
        worker.channel.close()
        worker.entrance = Entrance(parcel, worker.pid, self._is_taken)
        self._is_fit = self._is_fit or worker.entrance.has_claimed
        self._wait(worker, 0)
        self._loop.watch(worker.entrance.fileno(), READ, lambda _: self._read(worker))

    def _pass_on(self, worker: _Worker) -> None:
        """It did nothing, as another one must: before all that wait, as its turn had come."""
        self._is_fit = False
        order = worker.order
        order.job = {**order.job, UNFIT: True}
        self._queue.appendleft(order)
        self._dismiss(worker)
        self._fill()

    def _is_taken(self, pid: int) -> bool:
        """Whether a child is known as something: a process of a jail, or on its way to be one, or a worker."""
        if pid in self._unreaped or pid in self._spare or pid in self._first or self._is_known(pid):
            return True
        return any(each.entrance is not None and each.entrance.pid == pid for each in self._at_work.values())

    def _wait(self, worker: _Worker, more: float) -> None:
        """Wait for a worker as long as it may take from now on, and some seconds more that hooks are entitled to."""
        if worker.timer is not None:
            worker.timer.cancel()
        seconds = self._patience + more
        worker.timer = self._loop.call_later(seconds, lambda: self._too_late(worker, seconds))

    def _too_late(self, worker: _Worker, seconds: float) -> None:
        self._kill(worker)
        error: RunjdError
        if worker.entrance is not None:
            error = worker.entrance.late(str(worker.order.job.get("m")), seconds)
        else:
            error = TimedOut(f"{worker.order.job.get('m')} took longer than {seconds:g} s; its worker was killed")
        self._end(worker, failed(error), False)

    def _lose(self, worker: _Worker, how: str) -> None:
        self._kill(worker)
        self._end(worker, failed(RunjdError(f"the worker for {worker.order.job.get('m')} {how}")), False)

    def _kill(self, worker: _Worker) -> None:
        if worker.pid in self._unreaped:
            _kill_group(worker.pid)

    def _end(self, worker: _Worker, report: Parcel, is_its_own: bool) -> None:
        entrance = worker.entrance
        if entrance is not None and entrance.has_claimed and "error" in report.message:
            report = report._replace(message={**report.message, CLAIMED: True})
        self._dismiss(worker)
        if entrance is not None:
            if "error" in report.message:
                entrance.kill()
            elif not entrance.has_appeared:
                # it is no worker any more
                self._unreaped.pop(worker.pid, None)
        try:
            worker.order.finished(report, is_its_own)
        finally:
            self._fill()
            self._spare.want()
            if _is_start(worker.order.job):
                self._first.want()

    def _dismiss(self, worker: _Worker) -> None:
        """Hear nothing more of it."""
        del self._at_work[worker.number]
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer = None  # it knows the worker: a circle, which would hold the order until it is collected
        source = worker.entrance or worker.channel
        self._loop.unwatch(source.fileno())
        source.close()


class _Worker:
    """
    A worker.

    :ivar entrance: of one that becomes a process of a jail.
    """

    __slots__ = ("channel", "entrance", "number", "order", "pid", "timer")

    def __init__(self, number: int, pid: int, channel: Channel, order: Order) -> None:
        self.number = number
        self.pid = pid
        self.channel = channel
        self.order = order
        self.timer: Timer | None = None
        self.entrance: Entrance | None = None

    @property
    def has_left(self) -> bool:
        """Whether another process goes on in its place."""
        return self.entrance is not None and self.entrance.has_appeared

    def process_ended(self, pid: int) -> None:
        """Take note that a process was reaped."""
        if self.entrance is not None and self.entrance.pid == pid:
            self.entrance.is_reaped = True


def _is_start(job: Job) -> bool:
    return job.get("m") == "run" and job.get("runtime") == "linux"


def _kill_group(pid: int) -> None:
    """Kill a worker and what it forked; it was not reaped, so the group is still its own."""
    for kill in (os.killpg, os.kill):  # it may not lead a group yet
        try:
            kill(pid, _signal.SIGKILL)
        except ProcessLookupError:
            continue
