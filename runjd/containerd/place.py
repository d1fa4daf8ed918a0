"""What all tasks of a daemon share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from runjd.container.rootmounts import unmount_root
from runjd.container.state import State
from runjd.containerd.announcing import Announcing
from runjd.containerd.keeper import TaskKeeper
from runjd.containerd.memorywatch import TasksMemory
from runjd.containerd.store import TaskStore
from runjd.containerd.task import Task
from runjd.runtime.contract import MemoryWatch
from runjd.supervise.filethreads import FileThreads

_BY_THREADS = sys.platform == "linux"
#: threads that starts and removals may have, of those that the daemon has for everything: what a jail is stuck in, as
#: a program on a file system that does not answer, keeps its thread
THREADS_MAX = 4


class Looks(Protocol):
    """Who does with jails what takes no worker of the keeper; a :class:`runjd.container.operations.Operations`."""

    def processes(self, id: str) -> tuple[int, ...]:
        """Return the pids of all its processes."""

    def usage(self, id: str, also_ended: bool) -> dict[str, object]:
        """Return what it uses, or used before its end."""

    def kill_rest(self, id: str, signum: int) -> None:
        """Signal whoever is left after its end."""

    def start_at_once(self, id: str) -> bool:
        """Execute its program; False where it has hooks."""

    def delete_at_once(self, id: str) -> bool:
        """Take it away after its end; False where it has hooks."""

    def watch_memory(self, id: str) -> MemoryWatch:
        """Return what tells when it ran out of memory."""

    def state(self, id: str) -> State:
        """Return what is on record of it, and true."""


class TaskPlace:
    """
    What all tasks of a daemon share.

    :param keeper: returns the keeper that there is now.
    :param now: wall time in seconds.
    :param in_thread: does something off the reactor.
    :param files: does something with a file that a process logs to, off the reactor.
    :param runtime: what jails are made with.
    """

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], float],
        keeper: Callable[[], TaskKeeper],
        store: TaskStore,
        announcing: Announcing,
        memory: TasksMemory,
        looks: Looks,
        in_thread: Callable[..., Deferred[Any]],
        files: FileThreads,
        runtime: str,
    ) -> None:
        self.reactor = reactor
        self.now = now
        self._keeper = keeper
        self.store = store
        self.announcing = announcing
        self.memory = memory
        self.looks = looks
        self.in_thread = in_thread
        self.files = files
        self._threads = 0
        self.runtime = runtime

    @property
    def keeper(self) -> TaskKeeper:
        """The keeper that there is now."""
        return self._keeper()

    async def execute(self, jail: str) -> None:
        """
        Execute the program of a jail that waits for that.

        A thread is as good as a worker of the keeper, and there sooner; but not where it can be kept long by hooks.
        """
        if not await self._at_once(self.looks.start_at_once, jail):
            await self.keeper.start(jail)

    async def remove(self, jail: str, bundle: str) -> None:
        """Take away a jail that has ended, and what is mounted on its root; as with :meth:`execute`."""
        if not await self._at_once(self._remove, jail, bundle):
            await self.keeper.delete(jail, force=True, bundle=bundle)

    async def _at_once(self, act: Callable[..., bool], *words: str) -> bool:
        """Do something on a thread, if there is one to spare; whether that was done."""
        if not _BY_THREADS or self._threads >= THREADS_MAX:
            return False
        self._threads += 1
        try:
            done: bool = await self.in_thread(act, *words)
        finally:
            self._threads -= 1
        return done

    def _remove(self, jail: str, bundle: str) -> bool:
        if not self.looks.delete_at_once(jail):
            return False
        unmount_root(bundle)
        return True

    def save(self, task: Task) -> bool:
        """Write a task down where that can be; see :meth:`runjd.containerd.store.TaskStore.keep`."""
        return self.store.keep(task)
