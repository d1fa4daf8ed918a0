"""
The end of an init process, from its exit record to the news of it.

The order is: the exit record, all output that came before it, the log on disk (a
full disk may delay the rest only so long), the event, the removal of what is left on
the host, the phase, and whoever waited.
"""

from __future__ import annotations

from runjd.policy.facts import ExitRecord
from runjd.supervise.logfan import LogFan
from runjd.supervise.site import FLUSH_LIMIT
from runjd.supervise.told import Told


class Ending:
    """
    One end after another of one jail.

    :param told: told the record of each, once, and when all output is logged.
    :ivar record: of the end that is under way; None: there is none.
    """

    __slots__ = ("_is_told", "_log", "_told", "record")

    def __init__(self, log: LogFan, told: Told) -> None:
        self._log = log
        self._told = told
        self._is_told = False
        self.record: ExitRecord | None = None

    def forget(self) -> None:
        """None is under way: the jail starts anew, or is down."""
        self.record = None
        self._is_told = False

    def drained(self) -> None:
        """All that the program wrote before its exit is on the way to the log."""
        self._log.flush_in_time(FLUSH_LIMIT, self.tell)

    def ended(self) -> None:
        """Nobody holds the output any more."""
        self._log.flush_in_time(FLUSH_LIMIT, self._all_is_logged)

    def tell(self) -> None:
        """Tell the end that is under way, unless it is told."""
        if self.record is not None and not self._is_told:
            self._is_told = True
            self._told.ended(self.record)

    def _all_is_logged(self) -> None:
        self.tell()
        self._told.over()
