"""A process that somebody had run in a jail beside its init process; nothing of it is logged."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from runjd.errors import Cancelled, Gone
from runjd.policy.facts import ExitRecord
from runjd.supervise.watched import WatchedProcess

_SIGHUP = 1
#: seconds that whoever looked on has to come back from an earlier daemon
RETURN = 20.0


class Execs(dict[str, "ExecProcess"]):
    """The exec processes of one jail, by their ids."""

    def abandon(self) -> None:
        """Let go of all, as nobody will tell how they end."""
        execs = list(self.values())
        self.clear()
        for each in execs:
            each.abandon()


class ExecProcess(WatchedProcess):
    """
    The protocol of an exec process.

    Its output goes to whoever asked for it, at that one's pace; once nobody
    looks on it is read and dropped, so that the process can end.

    :param ended: called with the exit record when it is over.
    :param is_leaving: tells whether the daemon ends: then whoever leaves may come back to the next one.
    """

    def __init__(self, ended: Callable[[ExitRecord], None], is_leaving: Callable[[], bool]) -> None:
        super().__init__()
        self._ended = ended
        self._is_leaving = is_leaving
        self._waiting: list[Deferred[ExitRecord]] = []
        self._return: IDelayedCall | None = None

    def wait(self) -> Deferred[ExitRecord]:
        """Fire when it is over; may be cancelled."""

        def cancel(waiting: Deferred[ExitRecord]) -> None:
            self._waiting[:] = [each for each in self._waiting if each is not waiting]
            waiting.errback(Cancelled("no longer waited for"))

        self._waiting.append(Deferred(cancel))
        return self._waiting[-1]

    def await_return(self, clock: IReactorTime) -> None:
        """
        Keep what it writes for whoever looked on with an earlier daemon, and may come back.

        Where nobody does in time, it is as if that one had left now.
        """
        self.pause_output()
        self._return = clock.callLater(RETURN, self._is_left)

    def abandon(self) -> None:
        self._wait_no_longer()
        super().abandon()
        for waiting in self._no_longer_waiting():
            waiting.errback(Gone("the daemon lets go of the exec process"))

    def viewer_came(self) -> None:
        if self._wait_no_longer():
            self.resume_output()

    def viewer_left(self, is_owner: bool) -> None:
        super().viewer_left(is_owner)
        if is_owner and not self._is_leaving():
            self.hang_up()

    def hang_up(self) -> None:
        """Tell a program on a terminal that nobody is there, as a terminal line does."""
        transport = self.transport
        if transport is not None and transport.terminal and transport.exit is None:
            transport.signalProcess(_SIGHUP)

    def processEnded(self, reason: Failure) -> None:
        if self.transport is None:
            return
        self._wait_no_longer()
        record = self.transport.exit
        try:
            self.viewers.end(record)
        finally:
            if record is not None:
                self._ended(record)
                for waiting in self._no_longer_waiting():
                    waiting.callback(record)

    def _is_left(self) -> None:
        self._return = None
        self.resume_output()
        self.hang_up()

    def _wait_no_longer(self) -> bool:
        """Return whether somebody was waited for."""
        call, self._return = self._return, None
        if call is not None:
            call.cancel()
        return call is not None

    def _no_longer_waiting(self) -> list[Deferred[ExitRecord]]:
        waiting, self._waiting = self._waiting, []
        return waiting
