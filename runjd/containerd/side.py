"""All that serves containerd, put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from runjd.containerd.announcing import Announcing
from runjd.containerd.dying import Dying
from runjd.containerd.keeper import TaskKeeper
from runjd.containerd.loggerend import LoggerEnds
from runjd.containerd.memorywatch import TasksMemory
from runjd.containerd.place import Looks, TaskPlace
from runjd.containerd.posting import Post, to_containerd
from runjd.containerd.service import TaskServices
from runjd.containerd.store import TaskStore
from runjd.containerd.tasks import Tasks
from runjd.kernel.process import boot_id
from runjd.supervise.filethreads import FileThreads

if TYPE_CHECKING:
    from runjd.containerd.methods import Methods


class ContainerdSide:
    """
    The tasks and their services.

    :param post: the way of events, which ends with us.
    :param loggers: that are to end.
    :ivar tasks: hear of the keeper what concerns them.
    :ivar services: what containerd can call.
    """

    def __init__(self, place: TaskPlace, post: Post, loggers: LoggerEnds) -> None:
        self._place = place
        self._post = post
        self._dying = Dying(place)
        self._loggers = loggers
        self.tasks = Tasks(place, self._dying, loggers)
        self.services = TaskServices(self._methods)

    def stop(self) -> None:
        """The daemon ends; the processes of tasks go on."""
        self.tasks.let_go()
        self._place.memory.stop()
        self._loggers.stop()
        self._post.stop()
        self._place.store.close()

    def _methods(self) -> Methods:
        from runjd.containerd.creating import Creating
        from runjd.containerd.executing import Executing
        from runjd.containerd.methods import Methods
        from runjd.containerd.steering import Steering

        return Methods(
            self.tasks,
            Creating(self._place, self.tasks, self._dying, self._loggers),
            Executing(self._place, self._dying, self._loggers),
            Steering(self._place),
        )


def containerd_side(
    directory: str,
    reactor: Any,
    in_thread: Callable[..., Deferred[Any]],
    files: FileThreads,
    keeper: Callable[[], TaskKeeper],
    looks: Looks,
    runtime: str,
) -> ContainerdSide:
    """
    Return what serves containerd.

    :param directory: where tasks are written down; private, and volatile.
    :param keeper: returns the keeper that there is now.
    :param looks: looks at the jails of this keeper.
    :param runtime: what jails are made with.
    """
    post = Post(reactor, lambda path: to_containerd(reactor, path))
    store = TaskStore(directory, boot_id())
    place = TaskPlace(
        reactor,
        time.time,
        keeper,
        store,
        Announcing(post, time.time, store.keep, lambda *ended: keeper().ack(*ended)),
        TasksMemory(reactor, looks.watch_memory, in_thread),
        looks,
        in_thread,
        files,
        runtime,
    )
    return ContainerdSide(place, post, LoggerEnds(reactor, time.time, f"{directory}/loggers"))
