"""All tasks, and what the keeper tells of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.logger import Logger

from runjd.containerd.connecting import connect, disconnect
from runjd.containerd.dying import Dying
from runjd.containerd.ends import End
from runjd.containerd.loggerend import LoggerEnds
from runjd.containerd.place import TaskPlace
from runjd.containerd.process import TaskProcess, exec_of
from runjd.containerd.task import Task
from runjd.errors import NotFound
from runjd.protocols.jailprocess import JailProcess
from runjd.protocols.keeperreplies import Exited, Found
from runjd.protocols.ttrpc.call import Origin
from runjd.supervise.watched import spools_of

#: seconds for which a task that was deleted is remembered
_REMEMBERED = 30.0


class Tasks:
    """
    The tasks by the ids of their jails; a :class:`runjd.protocols.keeperclient.KeeperListener` for these.

    :param dying: what deals with ends.
    :param loggers: what has loggers end.
    """

    _log = Logger()

    def __init__(self, place: TaskPlace, dying: Dying, loggers: LoggerEnds) -> None:
        self._place = place
        self._loggers: LoggerEnds | None = loggers
        self._dying = dying
        self._tasks: dict[str, Task] = {}
        self._found: set[tuple[str, str]] = set()
        self._timers: dict[Task, Any] = {}
        for task in place.store.load():
            self._tasks[task.jail] = task
            if task.deleted:
                task.init.is_over = True
                self._forget_later(task)

    def __iter__(self) -> Iterator[Task]:
        return iter([each for each in self._tasks.values() if not each.deleted])

    def all(self) -> Iterator[Task]:
        """Go through all, and those that were deleted just now."""
        return iter(list(self._tasks.values()))

    def knows(self, jail: str) -> bool:
        """Whether a jail is, or was just now, that of a task."""
        return jail in self._tasks

    def find(self, origin: Origin, id: str) -> Task:
        """Return a task. :raise NotFound: there is none."""
        task = self._tasks.get(origin.jail(id))
        if task is None or task.deleted:
            raise NotFound(f"container not created: {id}: not found")
        return task

    def trace(self, jail: str) -> Task | None:
        """Return a task, a deleted one too, if it is remembered."""
        return self._tasks.get(jail)

    def add(self, task: Task) -> None:
        """Know a task; a deleted one of the same id is forgotten. :raise InputOutput: it cannot be written down."""
        self._place.store.save(task)
        self._tasks[task.jail] = task

    def forget(self, task: Task) -> None:
        """Know it no longer, and write nothing of it any more: what it waits for may come yet."""
        task.is_forgotten = True
        _leave(task)
        self._place.memory.end(task.jail)
        timer = self._timers.pop(task, None)
        if timer is not None and timer.active():
            timer.cancel()
        if self._tasks.get(task.jail) is task:
            del self._tasks[task.jail]
            self._place.store.remove(task)

    def remember_deleted(self, task: Task, mark: str, end: End) -> None:
        """A task is gone; its end is told, and known for a while, as the call that deleted it may come again."""
        task.deleted = mark
        self._place.announcing.deleted(task, end)
        _leave(task)
        self._forget_later(task)

    def let_go(self) -> None:
        """The daemon ends; the processes go on."""
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        for task in self._tasks.values():
            for each in task.processes():
                disconnect(each)

    # --- KeeperListener -------------------------------------------------------------

    def process_found(self, found: Found) -> None:
        """Take a process over."""
        task = self._tasks[found.jail]
        process = _process(task, found.exec_id)
        self._found.add((found.jail, found.exec_id))
        if process is None or task.deleted:
            _close(found.descriptors.values())
            if found.exec_id:  # its task does not know it: it was to be added when the daemon died
                self._place.keeper.signal(found.jail, signal.SIGKILL, exec_id=found.exec_id).addErrback(_passed_over)
            return
        if process.pid == found.pid and (process.piping is not None or process.readers):
            _take_spools(process, found)
            return
        process.pid = found.pid
        if process.status == "creating":
            process.status = "created"
        elif process.exec_id and process.status in ("starting", "added"):
            if process.is_starting:
                process.status = "running"
            else:
                process.status = "starting"
                self._dying.began(task, process, found.pid)
        connect(self._place, task, process, found.descriptors)
        if not process.exec_id and process.status == "running":
            self._place.memory.begin(task.jail, lambda: self._place.announcing.ran_out(task))

    def process_exited(self, exited: Exited) -> None:
        """A process ended."""
        task = self._tasks[exited.jail]
        process = _process(task, exited.exec_id)
        if process is None or task.deleted or (process.pid and process.pid != exited.record.pid):
            self._place.keeper.ack(exited.jail, exited.exec_id, exited.record.pid)
        else:
            self._dying.ended(task, process, exited.record)

    def ready(self) -> None:
        """All was told: what was not, is gone."""
        loggers, self._loggers = self._loggers, None
        if loggers is not None:
            loggers.resume()
        found, self._found = self._found, set()
        for task in self.all():
            self._place.announcing.go_on(task)
        for task in self:
            for process in task.processes():
                if process.lives and (task.jail, process.name) not in found:
                    self._dying.vanished(task, process)
                elif process.exec_id and process.status == "starting" and not process.is_starting:
                    process.status = "added"
            if task.init.status == "starting" and not task.init.is_starting:
                self._ask(task)
            self._dying.resume(task)

    def keeper_lost(self, reason: str) -> None:
        """Another keeper will tell what there is."""
        self._found.clear()

    def _forget_later(self, task: Task) -> None:
        self._timers[task] = self._place.reactor.callLater(_REMEMBERED, self.forget, task)

    def _ask(self, task: Task) -> None:
        """Learn whether the last daemon came so far as to start it."""

        def told(status: str) -> None:
            if task.init.status == "starting" and not task.init.is_starting:
                if status == "created":
                    task.init.status = "created"
                else:
                    self._dying.began(task, task.init, task.init.pid)

        asked = self._place.in_thread(self._place.looks.state, task.jail)
        asked.addCallback(lambda state: told(state.status)).addErrback(_passed_over)


def _process(task: Task, name: str) -> TaskProcess | None:
    return task.execs.get(exec_of(name)) if name else task.init


def _leave(task: Task) -> None:
    """Let go of its streams, and of those who wait for what never ran."""
    for each in task.processes():
        disconnect(each)
        each.never_ran(NotFound(f"container not created: {task.id}: not found"))


def _take_spools(process: TaskProcess, found: Found) -> None:
    """Read what the keeper read meanwhile; of the rest we have descriptors of our own."""
    spools = spools_of(found.descriptors)
    transport = getattr(process.piping, "transport", None)
    if isinstance(transport, JailProcess):
        for child_fd, fd in spools.items():
            transport.precede(child_fd, fd)
        _close(set(found.descriptors.values()) - set(spools.values()))
    else:
        _close(found.descriptors.values())


def _close(descriptors: Iterable[int]) -> None:
    for fd in descriptors:
        os.close(fd)


def _passed_over(failure: object) -> None:
    """It is gone already, or the keeper is."""
