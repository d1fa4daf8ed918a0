"""
Threads for files whose file system may not answer, apart from those that the daemon does everything else with.

Such are the bundles that somebody names, and what the processes of containerd's tasks log to.

A file system that does not answer (nfs(5) whose server is away, a FUSE whose program is stuck) keeps whoever asks it
for good, and so does a terminal as the file, whose other end stops it.  So each mount has one thread, which nobody
else waits for; there are few, and none of them keeps the daemon from ending.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from runjd.errors import LimitReached
from runjd.runtime.linux.leaving import parse_mounts

#: mounts that have a thread of their own; the others share one
LANES_MAX = 16
#: seconds for which it is remembered where a path is mounted, and paths: a table of a thousand mounts takes 10 ms
MEMORY, REMEMBERED_MAX = 60.0, 1024
_SHARED = ""
_TABLE = "/proc/self/mountinfo"

_Job = tuple[Deferred[Any], Callable[..., Any], tuple[object, ...]]


class FileThreads:
    """
    Calls what blocks on a file: one call after another for each mount.

    :param reactor: is told what came out, in its thread.
    :param mount: returns where the file system of a path is mounted, without asking that.
    """

    def __init__(self, reactor: Any, mount: Callable[[str], str]) -> None:
        self._reactor = reactor
        self._mount = mount
        self._lanes: dict[str, SimpleQueue[_Job | None]] = {}
        self._mounts: dict[str, tuple[str, float]] = {}

    def __call__(self, path: str, call: Callable[..., Any], *words: object) -> Deferred[Any]:
        """Return what a call returns that concerns a file; it fails with LIMIT where there can be no thread."""
        try:
            lane = self._lane(self._mount_of(path))
        except RuntimeError as error:  # as threading says it where the system refuses a thread
            return fail(LimitReached(f"{error}: see what limits the threads of runjd, and try again"))
        done: Deferred[Any] = Deferred()
        lane.put((done, call, words))
        return done

    def stop(self) -> None:
        """What was begun is done, if that comes to an end."""
        for lane in self._lanes.values():
            lane.put(None)
        self._lanes.clear()

    def _mount_of(self, path: str) -> str:
        now = self._reactor.seconds()
        name, until = self._mounts.get(path, ("", 0.0))
        if now >= until:
            name = self._mount(path)
            self._mounts.pop(path, None)
            self._mounts[path] = name, now + MEMORY
            if len(self._mounts) > REMEMBERED_MAX:
                del self._mounts[next(iter(self._mounts))]
        return name

    def _lane(self, name: str) -> SimpleQueue[_Job | None]:
        if name not in self._lanes and len(self._lanes) >= LANES_MAX:
            name = _SHARED
        lane = self._lanes.get(name)
        if lane is None:
            lane = SimpleQueue()
            Thread(target=self._work, args=(lane,), name=f"files of {name or 'others'}", daemon=True).start()
            self._lanes[name] = lane
        return lane

    def _work(self, lane: SimpleQueue[_Job | None]) -> None:
        while (job := lane.get()) is not None:
            done, call, words = job
            result: object
            try:
                result = call(*words)
            except Exception:
                result = Failure()  # type: ignore[no-untyped-call]
            self._reactor.callFromThread(done.callback, result)


def mount_of(path: str, table: str = _TABLE) -> str:
    """
    Return where the file system of a path is mounted; without a table of mounts its directory.

    To look at the path could take for ever: so links are not followed.
    """
    try:
        with open(table, "rb") as file:
            points = [point for point, _ in parse_mounts(file.read())]
    except OSError:
        return os.path.dirname(path)
    wanted = os.path.normpath(path) + "/"
    return max((each for each in points if wanted.startswith(each.rstrip("/") + "/")), key=len, default="/")
