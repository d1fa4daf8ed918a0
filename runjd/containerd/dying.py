"""
How the end of a process is dealt with: first everything else of the task, then init.

containerd forgets a task with the exit of its init; an exec whose exit came later would be told to nobody.
"""

from __future__ import annotations

import signal

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.containerd.ends import End, end_of
from runjd.containerd.place import TaskPlace
from runjd.containerd.process import TaskProcess
from runjd.containerd.task import Task
from runjd.policy.facts import ExitRecord

#: seconds that execs which live on without their init get to die
_LIMIT = 10.0


class Dying:
    """Takes ends, writes them down, and tells them."""

    _log = Logger()

    def __init__(self, place: TaskPlace) -> None:
        self._place = place
        # whose init has ended, and waits for the ends of others
        self._ending: set[Task] = set()

    def ended(self, task: Task, process: TaskProcess, record: ExitRecord) -> None:
        """A process of a task ended. Comes once, or again with another keeper or daemon."""
        if process.end is not None:
            if process.is_told:
                self._acknowledge(task, process, record.pid)
            return
        if process.is_starting:
            process.pending = record  # its start is told before
            return
        self.began(task, process, record.pid)
        process.end = end_of(record)
        process.status = "stopped"
        if process.piping is not None:
            process.piping.exited(record)
        if process.exec_id:
            self._tell(task, process, process.end)
        else:
            self._end_task(task, process.end)

    def resume(self, task: Task) -> None:
        """Go on where the last daemon stopped: tell the ends that it did not tell."""
        for each in (*task.execs.values(), task.init):
            if each.end is not None and each.is_told:
                each.is_over = True
            elif each.end is not None and task.tells_end(each):
                _answer(each, each.end)
            elif each.end is not None and not each.is_over:
                if each.exec_id:
                    self._tell(task, each, each.end)
                elif task not in self._ending:
                    self._end_task(task, each.end)

    def began(self, task: Task, process: TaskProcess, pid: int) -> None:
        """A process runs, or ran, that an earlier daemon has asked for: tell it, if that one did not come so far."""
        process.pid = process.pid or pid
        if process.status == "starting":
            process.status = "running"
            self._place.announcing.started(task, process)

    def vanished(self, task: Task, process: TaskProcess) -> None:
        """Nobody knows how it ended."""
        self.ended(task, process, ExitRecord(process.pid, None, None, self._place.now()))

    def kill(self, task: Task, process: TaskProcess) -> None:
        """Kill a process whose init has ended; one that is starting is not there yet, and is killed once it is."""
        if not process.is_starting:
            self._place.keeper.signal(task.jail, signal.SIGKILL, exec_id=process.name).addErrback(_passed_over)

    def _end_task(self, task: Task, end: End) -> None:
        # without a pid namespace of its own a jail may outlive its init process
        self._place.in_thread(self._place.looks.kill_rest, task.jail, signal.SIGKILL).addErrback(_passed_over)
        living = [each for each in task.execs.values() if each.lives or each.is_starting]
        if not living:
            self._tell_init(task, end)
            return
        for each in living:  # where nothing isolates, they are not the jail's
            self.kill(task, each)
        ends: Deferred[object] = DeferredList([each.wait() for each in living], consumeErrors=True)  # type: ignore[assignment]
        late = self._place.reactor.callLater(_LIMIT, ends.cancel)
        self._ending.add(task)

        def over(_: object) -> None:
            self._ending.discard(task)
            if late.active():
                late.cancel()
            self._tell_init(task, end)

        ends.addBoth(over)

    def _tell_init(self, task: Task, end: End) -> None:
        self._place.memory.look(task.jail)
        self._place.memory.end(task.jail)
        self._tell(task, task.init, end)

    def _tell(self, task: Task, process: TaskProcess, end: End) -> None:
        process.is_over = True
        self._place.announcing.exited(task, process, end)
        _answer(process, end)

    def _acknowledge(self, task: Task, process: TaskProcess, pid: int) -> None:
        self._place.keeper.ack(task.jail, process.name, pid)


def _answer(process: TaskProcess, end: End) -> None:
    """Answer those who wait for the end of a process."""
    process.is_over = True
    waiting, process.waiting = process.waiting, []
    for each in waiting:
        each.callback(end)


def _passed_over(failure: Failure) -> None:
    """It is gone already."""
