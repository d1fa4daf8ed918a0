"""Starting a jail again by itself: the policy's verdict, and the time until it is due."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall

from runjd.policy.backoff import Tallies
from runjd.policy.facts import ExitRecord
from runjd.policy.restart import Run, judge
from runjd.supervise.inputs import Inputs
from runjd.supervise.logfan import LogFan
from runjd.supervise.record import Record
from runjd.supervise.site import Site
from runjd.supervise.told import Told

#: seconds until it is looked again whether the log of a jail that is due takes more, and the disk its record
_DELAY = 1.0
#: one in memory for all
_NONE = Tallies()


class Retrying:
    """
    The tries of one jail.

    :param log: may be so far behind that another run would only make it worse.
    :param told: told when it is to be started again.
    """

    __slots__ = ("_call", "_log", "_record", "_site", "_told")

    def __init__(self, site: Site, record: Record, log: LogFan, told: Told) -> None:
        self._site = site
        self._record = record
        self._log = log
        self._told = told
        self._call: IDelayedCall | None = None

    @property
    def next_in(self) -> float | None:
        """Seconds until it is started again; None: it is not."""
        if self._record.stood not in ("backoff", "failed") or self._record.tallies.next_at is None:
            return None
        return max(0.0, self._record.tallies.next_at - self._site.uptime())

    def decide(self, machine: Inputs, run: Run, want: str) -> None:
        """Count a run that is over, and tell the machine what the policy says."""
        record = self._record
        verdict = judge(record.definition.settings, record.tallies, run, want, self._site.uptime(), self._site.random())
        record.tallies = verdict.tallies
        self.stand(verdict.phase, verdict.reason)
        self.go_to(machine)

    def stand(self, stood: str, reason: str = "") -> None:
        """Write down where a jail is left; who was wanted once was that now."""
        record = self._record
        record.stood, record.reason = stood, reason
        if record.want == "once" and stood != "new":
            record.want = "down"
        record.save_if_possible()

    def go_to(self, machine: Inputs) -> None:
        """Tell the machine where the jail is left."""
        if self._record.stood == "backoff":
            machine.held_off()
        elif self._record.stood == "failed":
            machine.given_up()
        else:
            machine.rested()

    def lasted(self, exit: ExitRecord) -> float:
        """Return how long the run lasted that ended so."""
        ago = max(0.0, self._site.now() - exit.at)
        return max(0.0, self._site.uptime() - ago - self._record.started)

    def arm(self) -> None:
        """Wait until it is due, where it ever is."""
        self.pause()
        seconds = self.next_in
        if seconds is not None:
            self._call = self._site.reactor.callLater(seconds, self._is_due)

    def pause(self) -> None:
        """Do not start it, for now."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def clear(self) -> None:
        """Somebody said what is to become of it: begin to count anew."""
        self.pause()
        self._record.tallies = _NONE

    def _is_due(self) -> None:
        self._call = None
        tallies = self._record.tallies
        if self._log.is_behind() or self._site.unwritten.is_waiting:
            self._record.tallies = tallies._replace(next_at=self._site.uptime() + _DELAY)
            self.arm()
            return
        self._record.tallies = tallies._replace(restarts=tallies.restarts + 1, next_at=None)
        self._told.due()
