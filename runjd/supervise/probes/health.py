"""Looking after a jail that is ready, in one run of it: its probe, and what its answers make of it."""

from __future__ import annotations

from collections.abc import Callable

from runjd.policy.health import Health, action, first_delay, judge
from runjd.policy.settings import HealthRule
from runjd.supervise.exec import ExecProcess
from runjd.supervise.probes.answer import Answer
from runjd.supervise.probes.prober import Prober
from runjd.supervise.site import Site


class HealthWatch:
    """
    One run of one jail.

    :param execs: its exec processes, see :class:`runjd.supervise.probes.program.Programs`.
    :param age: returns seconds since the jail was started.
    :param chance: from 0 to 1, for the time of the first probe.
    :param changed: told the verdict before, and what is to be done, when it changed; see
        :func:`runjd.policy.health.action`.
    :ivar text: what the last answer said.
    """

    __slots__ = ("_age", "_changed", "_health", "_prober", "_rule", "text")

    def __init__(
        self,
        site: Site,
        jail: str,
        execs: dict[str, ExecProcess],
        rule: HealthRule,
        age: Callable[[], float],
        changed: Callable[[str, str], None],
        chance: float,
    ) -> None:
        self._rule = rule
        self._age = age
        self._changed = changed
        self._health = Health()
        self.text = ""
        self._prober = Prober(site, jail, execs, rule.probe, rule.interval, self._answered)
        self._prober.start(first_delay(rule.interval, chance))

    @property
    def verdict(self) -> str:
        """Return starting, healthy or unhealthy."""
        return self._health.verdict

    def stop(self) -> None:
        """The run is over, or somebody else's."""
        self._prober.stop()

    def _answered(self, answer: Answer) -> None:
        if not answer.counts:
            return
        self.text = answer.text
        before, self._health = self._health, judge(self._rule, self._health, answer.is_yes, self._age())
        if self._health.verdict != before.verdict:
            self._changed(before.verdict, action(self._rule, before, self._health))
