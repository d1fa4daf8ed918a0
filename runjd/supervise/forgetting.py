"""Forgetting a jail, as soon as it is down and nothing of it is left on the host."""

from __future__ import annotations

from runjd.errors import RunjdError
from runjd.supervise.record import Record
from runjd.supervise.removal import Removal
from runjd.supervise.told import Told
from runjd.supervise.waiters import Waiters


class Forgetting:
    """
    The end of one jail.

    :param told: told that it is to be forgotten now.
    :ivar is_due: it is to be forgotten as soon as nothing is left of it.
    """

    __slots__ = ("_record", "_removal", "_told", "_waiters", "is_due")

    def __init__(self, record: Record, removal: Removal, waiters: Waiters, told: Told) -> None:
        self._record = record
        self._removal = removal
        self._waiters = waiters
        self._told = told
        self.is_due = False

    def begin(self) -> None:
        """It is down: forget it, once what a removal left is removed."""
        if self._removal.is_due:
            self._removal.begin(self._told.forget, self._told.forget, self.fail, force=True)
        else:
            self._told.forget()

    def finish(self) -> bool:
        """Forget a jail that is down, if that is due and nothing is left of it; return whether."""
        if not self.is_due or self._removal.is_due:
            return False
        self._told.forget()
        return True

    def fall_due(self, is_passing: bool) -> bool:
        """
        Return whether a jail that came down is to be forgotten now; who hears of its end cannot start it any more.

        :param is_passing: it was to be there for one run only, which is over.
        """
        if not (self.is_due or is_passing) or self._removal.is_due:
            return False
        self.is_due = True
        return True

    def fail(self, error: RunjdError) -> None:
        """It was to be forgotten, but something of it is still on the host."""
        if self.is_due:
            self._record.reason = str(error)
            self.is_due = False
            self._waiters.not_forgotten(error)
