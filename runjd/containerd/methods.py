"""The methods of containerd's service Task: messages in, messages out. Version 2 and 3 have the same ones."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.message import DecodeError, Message
from twisted.internet.defer import Deferred

import runjd
from runjd.containerd.creating import Creating
from runjd.containerd.executing import Executing
from runjd.containerd.metrics import metrics_of
from runjd.containerd.options import read_options
from runjd.containerd.process import TaskProcess, mark_of
from runjd.containerd.proto import task_pb2 as pb
from runjd.containerd.steering import Steering
from runjd.containerd.streams import Streams
from runjd.containerd.task import Task
from runjd.containerd.tasks import Tasks
from runjd.containerd.wirevalues import packed, timestamp
from runjd.containerd.wording import check_status
from runjd.errors import BadArgument, NotFound, Unsupported
from runjd.protocols.ttrpc.call import Call
from runjd.protocols.ttrpc.status import UNIMPLEMENTED, TtrpcError
from runjd.runtime.rootmount import RootMount
from runjd.spec.lightjson import TooDeep, loads

_DETAILS = "containerd.runc.v1.ProcessDetails"
_STATUS = {
    "creating": pb.UNKNOWN,
    "added": pb.CREATED,
    "created": pb.CREATED,
    "starting": pb.RUNNING,
    "running": pb.RUNNING,
    "stopped": pb.STOPPED,
}


class Methods:
    """All methods, and the one of our own shim."""

    def __init__(self, tasks: Tasks, creating: Creating, executing: Executing, steering: Steering) -> None:
        self._tasks = tasks
        self._creating = creating
        self._executing = executing
        self._steering = steering

    def call(self, call: Call) -> Awaitable[Message]:
        """
        Carry out a call of the service.

        :raise TtrpcError: UNIMPLEMENTED: there is no such method.
        :raise BadArgument: the message cannot be read.
        """
        found = _METHODS.get(call.method)
        if found is None:
            raise TtrpcError(UNIMPLEMENTED, f"method {call.service}/{call.method}: not implemented")
        kind, method = found
        return method(self, call, _parsed(kind, call))

    def wait(self, call: Call) -> Deferred[Message]:
        """Fire when a process has ended. :raise NotFound: there is none."""
        request = _parsed(pb.WaitRequest, call)
        task = self._tasks.trace(call.caller.origin.jail(request.id))
        if task is None or (task.deleted and not call.is_repeated):
            raise NotFound(f"container not created: {request.id}: not found")
        if request.exec_id in task.gone and call.is_repeated:
            _, _, status, at = task.gone[request.exec_id]
            waiting: Deferred[Any] = Deferred()
            waiting.callback(pb.WaitResponse(exit_status=status, exited_at=timestamp(at)))
            return waiting
        waiting = task.process(request.exec_id).wait()
        return waiting.addCallback(lambda end: pb.WaitResponse(exit_status=end.status, exited_at=timestamp(end.at)))

    async def cleanup(self, call: Call) -> Message:
        """Carry out what the shim's ``delete`` asks for."""
        request = _parsed(pb.CleanupRequest, call)
        pid, end = await self._creating.cleanup(call, request.id, request.bundle)
        return pb.DeleteResponse(pid=pid, exit_status=end.status, exited_at=timestamp(end.at))

    async def _create(self, call: Call, request: pb.CreateTaskRequest) -> Message:
        if request.checkpoint or request.parent_checkpoint:
            raise TtrpcError(UNIMPLEMENTED, "a container cannot be made of a checkpoint: not implemented")
        if not request.id:
            raise BadArgument("the id is empty")
        mounts = []
        for each in request.rootfs:
            if each.target.strip("/"):
                raise Unsupported("rootfs", f'a mount of the root cannot be put on "{each.target}" below it')
            mounts.append(RootMount(each.type, each.source, tuple(each.options)))
        options = read_options(request.options)
        made = await self._creating.create(call, request.id, request.bundle, _streams(request), mounts, options)
        return pb.CreateTaskResponse(pid=made.pid)

    async def _start(self, call: Call, request: pb.StartRequest) -> Message:
        task, process = self._find(call, request)
        if process.exec_id:
            return pb.StartResponse(pid=(await self._executing.start(call, task, process)).pid)
        return pb.StartResponse(pid=(await self._creating.start(call, task)).pid)

    async def _delete(self, call: Call, request: pb.DeleteRequest) -> Message:
        mark = mark_of(call)
        task = self._tasks.trace(call.caller.origin.jail(request.id))
        if call.is_repeated and task is not None:
            if not request.exec_id and task.deleted == mark:
                return _deleted(task.init.pid, task.init.end.status, task.init.end.at) if task.init.end else _deleted()
            gone = task.gone.get(request.exec_id)
            if gone is not None and gone[0] == mark:
                return _deleted(*gone[1:])
        task, process = self._find(call, request)
        deleted = self._executing.delete(call, task, process) if process.exec_id else self._creating.delete(call, task)
        end = await deleted
        answer = _deleted(process.pid, end.status, end.at)
        if not process.exec_id:
            leave_answer(task.bundle, answer.SerializeToString())
        return answer

    async def _exec(self, call: Call, request: pb.ExecProcessRequest) -> Message:
        if not request.exec_id:
            raise BadArgument("the exec id is empty")
        task = self._tasks.find(call.caller.origin, request.id)
        self._executing.add(call, task, request.exec_id, _streams(request), _json(request.spec.value, "spec"))
        return pb_empty()

    async def _state(self, call: Call, request: pb.StateRequest) -> Message:
        task, process = self._find(call, request)
        streams, end = process.streams, process.end
        status = _STATUS[process.status]
        if task.standing == "paused" and not process.exec_id:
            status = pb.PAUSED
        return pb.StateResponse(
            id=process.exec_id or task.id,
            bundle=task.bundle,
            pid=process.pid,
            status=status,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            terminal=streams.terminal,
            exit_status=end.status if end is not None else 0,
            exited_at=timestamp(end.at if end is not None else None),
            exec_id=process.exec_id,
        )

    async def _pids(self, call: Call, request: pb.PidsRequest) -> Message:
        task = self._tasks.find(call.caller.origin, request.id)
        execs = {each.pid: each.exec_id for each in task.execs.values() if each.lives}
        made = pb.PidsResponse()
        for pid in await self._steering.pids(task):
            info = packed(_DETAILS, pb.ProcessDetails(exec_id=execs[pid])) if pid in execs else None
            made.processes.add(pid=pid, info=info)
        return made

    async def _pause(self, call: Call, request: pb.PauseRequest) -> Message:
        await self._steering.pause(self._tasks.find(call.caller.origin, request.id), True, call.is_repeated)
        return pb_empty()

    async def _resume(self, call: Call, request: pb.ResumeRequest) -> Message:
        await self._steering.pause(self._tasks.find(call.caller.origin, request.id), False, call.is_repeated)
        return pb_empty()

    async def _checkpoint(self, call: Call, request: pb.CheckpointTaskRequest) -> Message:
        check_status("checkpoint", self._tasks.find(call.caller.origin, request.id).standing)
        raise TtrpcError(UNIMPLEMENTED, "checkpoints: not implemented")

    async def _kill(self, call: Call, request: pb.KillRequest) -> Message:
        task, process = self._find(call, request)
        await self._steering.kill(task, process, request.signal, request.all, mark_of(call))
        return pb_empty()

    async def _resize(self, call: Call, request: pb.ResizePtyRequest) -> Message:
        _, process = self._find(call, request)
        self._steering.resize(process, request.height, request.width)
        return pb_empty()

    async def _close_io(self, call: Call, request: pb.CloseIORequest) -> Message:
        task, process = self._find(call, request)
        if request.stdin:
            await self._steering.close_input(task, process)
        return pb_empty()

    async def _update(self, call: Call, request: pb.UpdateTaskRequest) -> Message:
        task = self._tasks.find(call.caller.origin, request.id)
        await self._steering.update(task, _json(request.resources.value, "resources"))
        return pb_empty()

    async def _stats(self, call: Call, request: pb.StatsRequest) -> Message:
        task = self._tasks.find(call.caller.origin, request.id)
        return pb.StatsResponse(stats=metrics_of(await self._steering.usage(task)))

    async def _connect(self, call: Call, request: pb.ConnectRequest) -> Message:
        try:
            pid = self._tasks.find(call.caller.origin, request.id).init.pid
        except NotFound:
            pid = 0
        return pb.ConnectResponse(shim_pid=os.getpid(), task_pid=pid, version=runjd.__version__)

    async def _shutdown(self, call: Call, request: pb.ShutdownRequest) -> Message:
        """Do nothing: the daemon is there for others, too."""
        return pb_empty()

    def _find(self, call: Call, request: Any) -> tuple[Task, TaskProcess]:
        task = self._tasks.find(call.caller.origin, request.id)
        return task, task.process(request.exec_id)


def leave_answer(bundle: str, answer: bytes) -> None:
    """
    Leave in the bundle what the shim's ``delete`` is to say, which containerd runs next: it need not ask us then.

    A bundle that is gone, or cannot be written to, is no matter: then it asks.
    """
    try:
        fd = os.open(f"{bundle}/deleted", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, answer)
        finally:
            os.close(fd)
    except OSError:
        return


def pb_empty() -> Message:
    """Return the message without fields."""
    from google.protobuf.empty_pb2 import Empty

    return Empty()


def _parsed(kind: Any, call: Call) -> Any:
    message = kind()
    try:
        message.ParseFromString(call.payload)
    except DecodeError as error:
        raise BadArgument(f"the request of {call.method} cannot be read: {error}") from None
    return message


def _deleted(pid: int = 0, status: int = 0, at: float = 0.0) -> Message:
    return pb.DeleteResponse(pid=pid, exit_status=status, exited_at=timestamp(at))


def _streams(request: Any) -> Streams:
    return Streams(request.stdin, request.stdout, request.stderr, request.terminal)


def _json(value: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = loads(value)
    except TooDeep as error:
        raise BadArgument(f"{what} cannot be read: {error}") from None
    except ValueError:
        raise BadArgument(f"{what} is no JSON") from None
    if not isinstance(found, dict):
        raise BadArgument(f"{what} is no JSON object")
    return found


_METHODS: dict[str, tuple[Any, Callable[[Methods, Call, Any], Awaitable[Message]]]] = {
    "Create": (pb.CreateTaskRequest, Methods._create),
    "Start": (pb.StartRequest, Methods._start),
    "Delete": (pb.DeleteRequest, Methods._delete),
    "Exec": (pb.ExecProcessRequest, Methods._exec),
    "State": (pb.StateRequest, Methods._state),
    "Pids": (pb.PidsRequest, Methods._pids),
    "Pause": (pb.PauseRequest, Methods._pause),
    "Resume": (pb.ResumeRequest, Methods._resume),
    "Checkpoint": (pb.CheckpointTaskRequest, Methods._checkpoint),
    "Kill": (pb.KillRequest, Methods._kill),
    "ResizePty": (pb.ResizePtyRequest, Methods._resize),
    "CloseIO": (pb.CloseIORequest, Methods._close_io),
    "Update": (pb.UpdateTaskRequest, Methods._update),
    "Stats": (pb.StatsRequest, Methods._stats),
    "Connect": (pb.ConnectRequest, Methods._connect),
    "Shutdown": (pb.ShutdownRequest, Methods._shutdown),
}
