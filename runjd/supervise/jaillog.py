"""The log of one jail: what its init process writes goes in, pages come out."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from runjd.errors import Cancelled, RunjdError
from runjd.interfaces import ILog
from runjd.logs import reader
from runjd.policy.facts import LogPage
from runjd.policy.settings import LogRule
from runjd.supervise.logintake import LogIntake
from runjd.supervise.logroom import LogRoom


@implementer(ILog)
class JailLog:
    """
    One jail's log.

    :param room: what all logs share.
    :param id: the jail, whose id was checked.
    :param rule: how it is kept.
    :ivar intake: where what its program writes goes in.
    """

    __slots__ = ("_end", "_gone", "_path", "_room", "_waiting", "intake")

    def __init__(self, room: LogRoom, id: str, rule: LogRule) -> None:
        self._room = room
        self._path = room.path(id)
        self._end = -1  # not known until something was written or looked for
        self._gone: RunjdError | None = None
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self.intake = LogIntake(room, self._path, rule, self._grow)

    def gone(self, error: RunjdError) -> None:
        """The jail is forgotten, so nobody waits for more of its log."""
        self._gone = error
        waiting, self._waiting = self._waiting, []
        for _, each in waiting:
            each.errback(error)

    # --- ILog ----------------------------------------------------------------------

    def tail(self, lines: int) -> Deferred[int]:
        return self._room.in_thread(reader.tail, self._path, lines)

    def read(self, position: int, limit: int) -> Deferred[LogPage]:
        return self._room.in_thread(reader.read, self._path, position, limit)

    def when_grown(self, position: int) -> Deferred[None]:
        if self._gone is not None:
            return fail(self._gone)

        def cancel(waiting: Deferred[None]) -> None:
            self._waiting[:] = [each for each in self._waiting if each[1] is not waiting]
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[None] = Deferred(cancel)
        self._waiting.append((position, waiting))
        if self._end != position:
            # What was written last is not what is there: others may have cut or removed the log, and a full disk
            # may have taken a part of what waits. Shorter counts as grown: the log began anew.
            self.tail(0).addCallbacks(self._found_end, _nothing, callbackArgs=(waiting,))
        return waiting

    def tend(self, deed: str) -> Deferred[None]:
        return self.intake.tend(deed)

    # --- inside -----------------------------------------------------------------------

    def _found_end(self, end: int, waiting: Deferred[None]) -> None:
        """Tell one who waits, if the log did not end where he believes."""
        for position, each in self._waiting:
            if each is waiting and position != end:
                self._waiting.remove((position, each))
                waiting.callback(None)
                return

    def _grow(self, end: int) -> None:
        self._end = end
        if self._waiting:
            grown = [waiting for position, waiting in self._waiting if position != end]
            self._waiting = [each for each in self._waiting if each[0] == end]
            for waiting in grown:
                waiting.callback(None)


def _nothing(*_: object) -> None:
    pass
