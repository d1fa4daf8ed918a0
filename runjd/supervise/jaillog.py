"""The log of one jail: what its init process writes goes in, and readers go through it."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from runjd.errors import RunjdError
from runjd.interfaces import ILog, ILogReader
from runjd.policy.facts import LogQuery
from runjd.policy.settings import LogRule
from runjd.supervise.logfan import LogFan
from runjd.supervise.logreading import LogReading, open_reading
from runjd.supervise.logroom import LogRoom
from runjd.supervise.logtrouble import LogTrouble


@implementer(ILog)
class JailLog:
    """
    One jail's log.

    :param room: what all logs share.
    :param id: the jail, whose id was checked.
    :param rule: how it is kept.
    :param trouble: told what goes wrong with it.
    :ivar intake: where what its program writes goes in.
    """

    __slots__ = ("_form", "_gone", "_id", "_readings", "_room", "intake")

    def __init__(self, room: LogRoom, id: str, rule: LogRule, trouble: LogTrouble) -> None:
        self._room = room
        self._id = id
        self._form = rule.format
        self._gone: RunjdError | None = None
        self._readings: tuple[LogReading, ...] = ()
        self.intake = LogFan(room, id, rule, self, trouble)

    def keep(self, rule: LogRule) -> None:
        """Keep it by another rule from now on."""
        self._form = rule.format
        self.intake.keep(rule)

    def gone(self, error: RunjdError) -> None:
        """The jail is forgotten, so nobody waits for more of its log."""
        self._gone = error
        self.intake.abandon()
        for reading in self._readings:
            reading.gone(error)

    # --- ILog ----------------------------------------------------------------------

    def open(self, query: LogQuery, follow: bool = False) -> Deferred[ILogReader]:
        try:
            self._room.take_reader()
        except RunjdError as error:
            return fail(error)
        return open_reading(self, self._room.in_thread, self._room.path(self._id), self._form, query, follow)

    def settle(self) -> Deferred[None]:
        settled: Deferred[None] = Deferred()
        self.intake.flush(lambda: settled.callback(None))
        return settled

    def tend(self, deed: str) -> Deferred[None]:
        return self.intake.tend(deed)

    # --- for those who read ----------------------------------------------------------

    @property
    def end(self) -> RunjdError | None:
        """Why nothing more comes, None while something may."""
        return self._gone

    def watch(self, reading: LogReading) -> None:
        """Tell this reading when something was written."""
        self._readings += (reading,)

    def unwatch(self, reading: LogReading) -> None:
        """Tell this reading of nothing more."""
        if reading in self._readings:
            self._readings = tuple(each for each in self._readings if each is not reading)
            self._room.give_reader()

    def not_read(self) -> None:
        """A reading that was begun came to nothing."""
        self._room.give_reader()

    def grew(self, end: int) -> None:
        """The log is so many bytes long."""
        for reading in self._readings:
            reading.grew()
