"""The init processes of one jail under the daemon's own eyes, one after another."""

from __future__ import annotations

from runjd.policy.facts import ExitRecord
from runjd.supervise.told import Told
from runjd.supervise.vigil import Vigil

#: why a jail is as it is while only the daemon watches it
ALONE = "the keeper was lost; watched by the daemon"


class Watching:
    """
    Watches a process; what it sees counts only where no keeper will tell.

    :param told: told how the process ended, once and only while the daemon is alone; and that somebody removes the
        jail while the process lives, where the kernel tells that.
    :ivar start: start time of the process that was watched last.
    :ivar is_on: whether it can be watched.
    :ivar is_alone: no keeper has the process.
    """

    __slots__ = ("_pid", "_seen", "_told", "_vigil", "is_alone", "is_on", "start")

    def __init__(self, vigil: Vigil, told: Told) -> None:
        self._vigil = vigil
        self._pid = 0
        self._told = told
        self._seen: ExitRecord | None = None
        self.start = 0
        self.is_alone = False
        self.is_on = False

    def begin(self, pid: int, start: int, jid: int) -> None:
        """
        Watch a process from now on.

        :param jid: of its jail, 0 for none.
        """
        self._pid = pid
        self.start = start
        self.is_on = self._vigil.keep(pid, start, jid, self)

    @property
    def reason(self) -> str:
        """Why the jail is as it is; empty where there is nothing to say."""
        return ALONE if self.is_alone else ""

    def stay_alone(self) -> None:
        """The keeper is lost; if the process ended before that was known, tell it."""
        self.is_alone = True
        self._vigil.attend(self._pid)
        self._tell()

    def entrust(self) -> None:
        """A keeper has the process, and will tell how it ended."""
        self.is_alone = False
        self._vigil.entrust(self._pid)

    def stop(self) -> None:
        """Watch it no longer: its end is known, or somebody else's business."""
        if self._pid:
            self._vigil.forget(self._pid, self)
            self._pid = 0
        self.is_on = self.is_alone = False
        self._seen = None

    def seen(self, record: ExitRecord) -> None:
        """The process ended."""
        self._seen = record
        self._tell()

    def removed(self) -> None:
        """Its jail is being removed."""
        self._told.taken_away()

    def _tell(self) -> None:
        seen = self._seen
        if seen is not None and self.is_alone:
            self._seen = None
            self._told.seen_to_end(seen)
