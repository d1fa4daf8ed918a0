"""The execs of a task: registered, started, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.task import deferLater

from runjd.containerd.connecting import connect, disconnect
from runjd.containerd.creating import MOMENT, RESUME_LIMIT, asked_streams, output_of
from runjd.containerd.dying import Dying
from runjd.containerd.ends import End
from runjd.containerd.loggerend import LoggerEnds
from runjd.containerd.place import TaskPlace
from runjd.containerd.process import TaskProcess, mark_of
from runjd.containerd.steering import close_input
from runjd.containerd.streams import Streams, for_keeper
from runjd.containerd.task import Task
from runjd.containerd.wording import check_status, told
from runjd.errors import NotFound, RunjdError, WrongState
from runjd.protocols.keeperreplies import Launched
from runjd.protocols.ttrpc.call import Call
from runjd.protocols.ttrpc.status import ALREADY_EXISTS, TtrpcError
from runjd.spec.ids import check_id


class Executing:
    """Carries out Exec, and Start and Delete of execs."""

    def __init__(self, place: TaskPlace, dying: Dying, loggers: LoggerEnds) -> None:
        self._place = place
        self._dying = dying
        self._loggers = loggers

    def add(self, call: Call, task: Task, exec_id: str, streams: Streams, spec: Mapping[str, Any]) -> None:
        """
        Register an exec.

        :raise TtrpcError: there is one of that id; the task has ended, or is paused.
        """
        mark = mark_of(call)
        known = task.execs.get(exec_id)
        if known is not None:
            if call.is_repeated and known.asked == mark:
                return
            raise TtrpcError(ALREADY_EXISTS, f"id {exec_id}: already exists")
        check_status("exec", task.standing)
        asked_streams(streams, task.origin.namespace, task.id)
        process = TaskProcess(check_id(exec_id), streams, {**spec, "terminal": streams.terminal}, mark, "added")
        task.execs[exec_id] = process
        try:
            self._place.store.save(task)
        except RunjdError:
            del task.execs[exec_id]
            raise
        self._place.announcing.exec_added(task, exec_id)

    async def start(self, call: Call, task: Task, process: TaskProcess) -> TaskProcess:
        """
        Run an exec.

        :raise WrongState: the task does not run, or the exec was started.
        :raise TtrpcError: what the runtime says.
        """
        mark = mark_of(call)
        is_resumed = call.is_repeated and process.started == mark
        if is_resumed and process.pid:
            return process
        if task.init.status not in ("starting", "running"):
            raise WrongState("cannot exec in a container that does not run: failed precondition")
        check_status("exec", task.standing)
        if process.status != "added" or process.is_starting:
            raise WrongState(f"cannot start a process that is {process.status}: failed precondition")
        process.status, process.started, process.is_starting = "starting", mark, True
        self._place.save(task)
        try:
            launched = await self._launch(task, process, is_resumed)
        except RunjdError as error:
            reason = told("exec", error)
            if error.code != "GONE":  # else nobody knows what became of it, before the next keeper tells
                process.status = "added"
                # Clients wait before they start, and containerd does not say that they do no longer.
                process.never_ran(reason)
            raise reason from error
        finally:
            process.is_starting = False
        if launched is not None:
            process.pid, process.status, process.logger = launched.pid, "running", launched.logger
            connect(self._place, task, process, launched.descriptors)
        self._place.announcing.started(task, process)
        if process.is_input_closed:  # it was, while the keeper was at work
            await close_input(self._place, task, process)
        record, process.pending = process.pending, None
        if record is not None:
            self._dying.ended(task, process, record)
        elif task.init.end is not None:
            self._dying.kill(task, process)
        return process

    async def _launch(self, task: Task, process: TaskProcess, is_resumed: bool) -> Launched | None:
        """
        Have the keeper run it.

        :param is_resumed: an earlier daemon has asked for it, and somebody may be at work on it yet.
        :return: None: that came to its end meanwhile.
        """
        streams = process.streams
        deadline = self._place.reactor.seconds() + RESUME_LIMIT
        while True:
            try:
                return await self._place.keeper.exec(
                    task.jail,
                    process.name,
                    process.spec,
                    stdin=bool(streams.input),
                    size=process.size,
                    note={"task": task.id},
                    stdio=for_keeper(streams, task.origin.namespace, task.id),
                )
            except RunjdError as error:
                if process.pid:
                    return None
                if not is_resumed or error.code != "BUSY" or self._place.reactor.seconds() > deadline:
                    raise
            await deferLater(self._place.reactor, MOMENT)

    async def delete(self, call: Call, task: Task, process: TaskProcess) -> End:
        """
        Forget an exec that has ended, or was never started.

        :raise WrongState: it runs.
        """
        if process.lives or process.is_starting:
            raise WrongState("cannot delete a running process: failed precondition")
        await output_of(self._place, process)
        disconnect(process)
        self._loggers.begin(process.logger)
        if task.execs.get(process.exec_id) is process:
            task.forget_exec(process, mark_of(call))
            process.never_ran(NotFound(f"process does not exist {process.exec_id}: not found"))
            self._place.save(task)
        return process.end or End(0, self._place.now())
