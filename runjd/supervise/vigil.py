"""
The daemon's own watch over init processes, for the day when the keeper is killed.

Each is watched from its start or adoption on, not from the loss on: whoever ends in
between is seen, too.  While there is a keeper that has the process, its exit record
counts and this watch is not listened to.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.kernel.exitwatch import ExitWatch
from runjd.policy.facts import ExitRecord


@implementer(IReadDescriptor)
class Vigil:
    """
    Watches processes, on the reactor.

    :param make: makes the watch; called by :meth:`start`, as a kqueue is lost in a forked child.
    :param now: wall time in seconds.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorFDSet, make: Callable[[], ExitWatch], now: Callable[[], float]) -> None:
        self._reactor = reactor
        self._make = make
        self._now = now
        self._watch: ExitWatch | None = None
        self._listeners: dict[int, Callable[[ExitRecord], None]] = {}
        self._when_removed: dict[int, Callable[[], None]] = {}

    def start(self) -> None:
        """Be able to watch; where the kernel refuses, nothing is watched, and that is told."""
        try:
            self._watch = self._make()
        except OSError as error:
            self._log.error("exits cannot be watched without the keeper: {error}", error=error.strerror)
            return
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Watch no longer."""
        watch, self._watch = self._watch, None
        self._listeners.clear()
        self._when_removed.clear()
        if watch is not None:
            self._reactor.removeReader(self)
            watch.close()

    def keep(
        self, pid: int, start: int, ended: Callable[[ExitRecord], None], jid: int, removed: Callable[[], None]
    ) -> bool:
        """
        Watch a process.

        :param ended: told once, in a later turn.
        :param jid: of its jail, 0 for none.
        :param removed: told that the jail is removed while the process lives, where the kernel tells that.
        :return: False: it is gone already, or cannot be watched.
        """
        if self._watch is None:
            return False
        try:
            self._watch.watch(pid, start, jid)
        except ProcessLookupError:
            return False
        except OSError as error:
            self._log.error("process {pid} cannot be watched: {error}", pid=pid, error=error.strerror)
            return False
        self._listeners[pid] = ended
        self._when_removed[pid] = removed
        return True

    def forget(self, pid: int) -> None:
        """Watch it no longer; nothing to do where it is not watched."""
        self._when_removed.pop(pid, None)
        if self._listeners.pop(pid, None) is not None and self._watch is not None:
            self._watch.forget(pid)

    # --- IReadDescriptor ------------------------------------------------------------

    def fileno(self) -> int:
        return -1 if self._watch is None else self._watch.fileno()

    def logPrefix(self) -> str:
        return "exit watch"

    def doRead(self) -> None:
        if self._watch is None:
            return
        found = self._watch.ended()
        for pid in self._watch.removed():
            self._when_removed.get(pid, _nothing)()
        for each in found:
            self._when_removed.pop(each.pid, None)
            listener = self._listeners.pop(each.pid, None)
            if listener is not None:
                try:
                    listener(ExitRecord(each.pid, each.status, each.signal, self._now(), each.core))
                except Exception:
                    self._log.failure("the end of process {pid} could not be dealt with", pid=each.pid)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has dropped us, which it has no reason for."""
        self._log.error("exits are not watched any more: {reason}", reason=reason)


def _nothing() -> None:
    """Nobody wants to know."""
