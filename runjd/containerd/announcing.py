"""What happens to tasks, as events of containerd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from runjd.containerd.ends import End
from runjd.containerd.posting import Letter, Post
from runjd.containerd.process import TaskProcess, name_of
from runjd.containerd.task import Task
from runjd.containerd.untold import Untold
from runjd.runtime.rootmount import RootMount

if TYPE_CHECKING:
    from google.protobuf.message import Message

_EVENTS = "containerd.events."


class Announcing:
    """
    Tells containerd; in the order in which it is told here, for each containerd.

    An event is written down with its task before it is sent, and until it was taken: the next daemon goes on there.

    :param now: wall time in seconds.
    :param save: writes a task down; whether it is as it should be.
    :param acknowledge: tells the keeper, by jail, name and pid, that the end of a process is dealt with. Until then
        it tells it to each next daemon.
    """

    def __init__(
        self,
        post: Post,
        now: Callable[[], float],
        save: Callable[[Task], bool],
        acknowledge: Callable[[str, str, int], None],
    ) -> None:
        self._post = post
        self._now = now
        self._save = save
        self._acknowledge = acknowledge

    def created(self, task: Task, mounts: Sequence[RootMount]) -> None:
        """A task was made, and waits for its start; told once."""
        from runjd.containerd.proto import events_pb2 as events

        if task.is_announced:
            return
        task.is_announced = True
        from runjd.containerd.proto.task_pb2 import Mount

        streams = task.init.streams
        made = events.TaskCreate(
            container_id=task.id,
            bundle=task.bundle,
            rootfs=[Mount(type=each.type, source=each.source, options=each.options) for each in mounts],
            io=events.TaskIO(
                stdin=streams.stdin, stdout=streams.stdout, stderr=streams.stderr, terminal=streams.terminal
            ),
            pid=task.init.pid,
        )
        self._tell(task, "/tasks/create", made)

    def started(self, task: Task, process: TaskProcess) -> None:
        """The program of init, or of an exec, was executed."""
        from runjd.containerd.proto import events_pb2 as events

        if process.exec_id:
            made = events.TaskExecStarted(container_id=task.id, exec_id=process.exec_id, pid=process.pid)
            self._tell(task, "/tasks/exec-started", made)
        else:
            self._tell(task, "/tasks/start", events.TaskStart(container_id=task.id, pid=process.pid))

    def exited(self, task: Task, process: TaskProcess, end: End) -> None:
        """A process ended."""
        from runjd.containerd.proto import events_pb2 as events
        from runjd.containerd.wirevalues import timestamp

        made = events.TaskExit(
            container_id=task.id,
            id=process.exec_id or task.id,
            pid=process.pid,
            exit_status=end.status,
            exited_at=timestamp(end.at),
        )
        self._tell(task, "/tasks/exit", made, process)

    def deleted(self, task: Task, end: End) -> None:
        """A task is gone."""
        from runjd.containerd.proto import events_pb2 as events
        from runjd.containerd.wirevalues import timestamp

        made = events.TaskDelete(
            container_id=task.id, pid=task.init.pid, exit_status=end.status, exited_at=timestamp(end.at)
        )
        self._tell(task, "/tasks/delete", made)

    def exec_added(self, task: Task, exec_id: str) -> None:
        """An exec waits for its start."""
        from runjd.containerd.proto import events_pb2 as events

        self._tell(task, "/tasks/exec-added", events.TaskExecAdded(container_id=task.id, exec_id=exec_id))

    def paused(self, task: Task) -> None:
        """Its processes are stopped, or go on."""
        from runjd.containerd.proto import events_pb2 as events

        if task.is_paused:
            self._tell(task, "/tasks/paused", events.TaskPaused(container_id=task.id))
        else:
            self._tell(task, "/tasks/resumed", events.TaskResumed(container_id=task.id))

    def ran_out(self, task: Task) -> None:
        """The kernel killed something of it for want of memory."""
        from runjd.containerd.proto import events_pb2 as events

        self._tell(task, "/tasks/oom", events.TaskOOM(container_id=task.id))

    def go_on(self, task: Task) -> None:
        """Send what is not on its way yet."""
        for each in tuple(task.untold):
            if not each.is_sent:
                each.is_sent = True
                told = partial(self._told, task, each)
                self._post.send(task.origin.events, Letter(task.origin.namespace, each.topic, each.request, told))

    def _tell(self, task: Task, topic: str, event: Message, ended: TaskProcess | None = None) -> None:
        from runjd.containerd.proto.events_pb2 import Envelope, ForwardRequest
        from runjd.containerd.wirevalues import packed, timestamp

        envelope = Envelope(
            timestamp=timestamp(self._now()),
            namespace=task.origin.namespace,
            topic=topic,
            event=packed(_EVENTS + event.DESCRIPTOR.name, event),
        )
        request = ForwardRequest(envelope=envelope).SerializeToString()
        untold = Untold(topic, request)
        if ended is not None:
            untold.pid, untold.exec_id = ended.pid, ended.exec_id
        task.untold.append(untold)
        self._save(task)
        self.go_on(task)

    def _told(self, task: Task, untold: Untold) -> None:
        """containerd has taken it, or will not."""
        task.untold.remove(untold)
        ended = untold.pid and next((each for each in task.processes() if each.exec_id == untold.exec_id), None)
        if ended and ended.pid == untold.pid:
            ended.is_told = True
        if self._save(task) and untold.pid:
            self._acknowledge(task.jail, name_of(untold.exec_id), untold.pid)
