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
        self._watches: dict[int, tuple[MemoryWatch, Callable[[], None]]] = {}
        self._by_jail: dict[str, int] = {}

    def begin(self, jail: str, ran_out: Callable[[], None]) -> None:
        """Watch a jail, as soon as may be; where nothing counts its memory, nothing is watched."""
        if not hasattr(select, "epoll") or jail in self._by_jail:
            return
        self._by_jail[jail] = -1

        def made(watch: MemoryWatch) -> None:
            if jail not in self._by_jail:  # it ended meanwhile
                watch.close()
                return
            if self._poll is None:
                self._poll = select.epoll()
                self._reactor.addReader(self)
            self._poll.register(watch.fileno(), watch.events)
            self._watches[watch.fileno()] = (watch, ran_out)
            self._by_jail[jail] = watch.fileno()

        def failed(failure: Failure) -> None:
            self._by_jail.pop(jail, None)
            if not isinstance(failure.value, RunjdError):
                self._log.failure("the memory of {jail} cannot be watched", failure, jail=jail)

        self._in_thread(self._watch, jail).addCallback(made).addErrback(failed)

    def end(self, jail: str) -> None:
        """Watch it no longer; nothing to do where it is not watched."""
        found = self._watches.pop(self._by_jail.pop(jail, -1), None)
        if found is not None:
            self._close(found[0])

    def look(self, jail: str) -> None:
        """Tell what happened up to now: the task has ended, and its end shall not be told before."""
        found = self._watches.get(self._by_jail.get(jail, -1))
        if found is not None and found[0].killed():
            found[1]()

    def stop(self) -> None:
        """Watch nothing any more."""
        for watch, _ in self._watches.values():
            self._close(watch)
        self._watches.clear()
        self._by_jail.clear()
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
            found = self._watches.get(fd)
            if found is not None and found[0].killed():
                found[1]()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has dropped us, which it has no reason for."""
        self._log.error("the memory of tasks is not watched any more: {reason}", reason=reason)

    def _close(self, watch: MemoryWatch) -> None:
        if self._poll is not None:
            self._poll.unregister(watch.fileno())
        watch.close()
