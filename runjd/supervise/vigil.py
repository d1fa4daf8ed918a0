"""
The daemon's own watch over init processes, for the day when the keeper is killed.

Each is watched from its start or adoption on, not from the loss on: whoever ends in
between is seen, too.  While there is a keeper that has the process, its exit record
counts and this watch is not listened to.  Where the kernel keeps what it would tell nobody
even wakes for it: each end would cost a turn just when the keeper tells of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.kernel.exitwatch import ExitWatch
from runjd.policy.facts import ExitRecord


class Watcher(Protocol):
    """Who has a process watched."""

    def seen(self, record: ExitRecord) -> None:
        """It ended; told once, in a later turn."""

    def removed(self) -> None:
        """Its jail is removed while it lives, where the kernel tells that."""


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
        self._watchers: dict[int, Watcher] = {}
        # of whom nobody else will tell
        self._alone: set[int] = set()
        self._is_listening = False

    def start(self) -> None:
        """Be able to watch; where the kernel refuses, nothing is watched, and that is told."""
        try:
            self._watch = self._make()
        except OSError as error:
            self._log.error("exits cannot be watched without the keeper: {error}", error=error.strerror)
            return
        self._listen()

    def stop(self) -> None:
        """Watch no longer."""
        if self._is_listening:
            self._is_listening = False
            self._reactor.removeReader(self)
        watch, self._watch = self._watch, None
        self._watchers.clear()
        self._alone.clear()
        if watch is not None:
            watch.close()

    def keep(self, pid: int, start: int, jid: int, watcher: Watcher) -> bool:
        """
        Watch a process.

        :param jid: of its jail, 0 for none.
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
        self._watchers[pid] = watcher
        return True

    def forget(self, pid: int, watcher: Watcher) -> None:
        """Watch it no longer for him; nothing to do where it is not watched, or is another's by now."""
        if self._watchers.get(pid) is not watcher:
            return
        del self._watchers[pid]
        if self._watch is not None:
            self._watch.forget(pid)
        self.entrust(pid)

    def attend(self, pid: int) -> None:
        """Tell of its end as soon as it comes, or now: nobody else will."""
        if pid in self._watchers:
            self._alone.add(pid)
            self._listen()

    def entrust(self, pid: int) -> None:
        """Somebody else will tell of its end, and may not come to it."""
        self._alone.discard(pid)
        self._listen()

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
            watcher = self._watchers.get(pid)
            if watcher is not None:
                self._guarded(pid, watcher.removed)
        for each in found:
            watcher = self._watchers.pop(each.pid, None)
            self.entrust(each.pid)
            if watcher is not None:
                record = ExitRecord(each.pid, each.status, each.signal, self._now(), each.core)
                self._guarded(each.pid, watcher.seen, record)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has dropped us, which it has no reason for."""
        self._log.error("exits are not watched any more: {reason}", reason=reason)

    # --- inside ---------------------------------------------------------------------

    def _listen(self) -> None:
        """Listen as long as somebody has to know at once."""
        if self._watch is None:
            return
        is_needed = bool(self._alone) or not self._watch.is_patient
        if is_needed != self._is_listening:
            self._is_listening = is_needed
            (self._reactor.addReader if is_needed else self._reactor.removeReader)(self)

    def _guarded(self, pid: int, tell: Callable[..., None], *what: ExitRecord) -> None:
        """Tell; a fault of one watcher is no loss for the others, nor for the watch, which the reactor would drop."""
        try:
            tell(*what)
        except Exception:
            self._log.failure("what became of process {pid} could not be dealt with", pid=pid)
