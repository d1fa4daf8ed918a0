"""Learns that tasks run out of memory while they run."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import RunjdError
from runjd.runtime.contract import MemoryWatch


@implementer(IReadDescriptor)
class TasksMemory:
    """
    The watches of all tasks.  One epoll(7) holds them: a reactor knows nothing of POLLPRI, which some of them need.

    :param watch: returns the watch of a jail; slow.
    :param in_thread: does something off the reactor.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorFDSet,
        watch: Callable[[str], MemoryWatch],
        in_thread: Callable[..., Deferred[Any]],
    ) -> None:
        self._reactor = reactor
        self._watch = watch
        self._in_thread = in_thread
        self._poll: Any = None
        self._watched: dict[str, _Watched] = {}
        self._by_fd: dict[int, _Watched] = {}

    def begin(self, jail: str, ran_out: Callable[[], None]) -> None:
        """Watch a jail, as soon as may be; where nothing counts its memory, nothing is watched."""
        if not hasattr(select, "epoll") or jail in self._watched:
            return
        watched = self._watched[jail] = _Watched(ran_out)

        def made(watch: MemoryWatch) -> None:
            if self._watched.get(jail) is not watched:  # it ended meanwhile, and there may be another one of its name
                watch.close()
                return
            watched.watch = watch
            if self._poll is None:
                self._poll = select.epoll()
                self._reactor.addReader(self)
            self._poll.register(watch.fileno(), watch.events)
            self._by_fd[watch.fileno()] = watched

        def failed(failure: Failure) -> None:
            if self._watched.get(jail) is watched:
                self.end(jail)
            if not isinstance(failure.value, RunjdError):
                self._log.failure("the memory of {jail} cannot be watched", failure, jail=jail)

        self._in_thread(self._watch, jail).addCallback(made).addErrback(failed)

    def end(self, jail: str) -> None:
        """Watch it no longer; nothing to do where it is not watched."""
        watched = self._watched.pop(jail, None)
        if watched is not None and watched.watch is not None:
            self._close(watched.watch)

    def look(self, jail: str) -> None:
        """Tell what happened up to now: the task has ended, and its end shall not be told before."""
        watched = self._watched.get(jail)
        if watched is not None:
            watched.look()

    def stop(self) -> None:
        """Watch nothing any more."""
        for jail in tuple(self._watched):
            self.end(jail)
        poll, self._poll = self._poll, None
        if poll is not None:
            self._reactor.removeReader(self)
            poll.close()

    def fileno(self) -> int:
        return -1 if self._poll is None else int(self._poll.fileno())

    def logPrefix(self) -> str:
        return "memory of tasks"

    def doRead(self) -> None:
        if self._poll is None:
            return
        for fd, _ in self._poll.poll(0):
            watched = self._by_fd.get(fd)
            if watched is not None:
                watched.look()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has dropped us, which it has no reason for."""
        self._log.error("the memory of tasks is not watched any more: {reason}", reason=reason)

    def _close(self, watch: MemoryWatch) -> None:
        if self._by_fd.pop(watch.fileno(), None) is not None:
            self._poll.unregister(watch.fileno())
        watch.close()


class _Watched:
    """
    A jail that is watched.

    :ivar watch: None: it is being made.
    """

    def __init__(self, ran_out: Callable[[], None]) -> None:
        self._ran_out = ran_out
        self.watch: MemoryWatch | None = None

    def look(self) -> None:
        """Tell what happened up to now."""
        if self.watch is not None and self.watch.killed():
            self._ran_out()
