"""
Looking after one jail, run after run: when it is ready, and from then on how it is.

What it finds out is told; what is to be done about it is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runjd.errors import RunjdError
from runjd.supervise.causes import HEALTH, PROGRAM, READY
from runjd.supervise.exec import ExecProcess
from runjd.supervise.probes.health import HealthWatch
from runjd.supervise.ready.readiness import Readiness
from runjd.supervise.record import Record
from runjd.supervise.site import Site
from runjd.supervise.told import Told


class Tending:
    """
    The readiness and the health of one jail.

    :param record: remembers that a run is ready, for the next daemon.
    :param execs: the exec processes of the jail, by id.
    :param told: hears what is found out.
    """

    __slots__ = (
        "_execs",
        "_health",
        "_pid",
        "_readiness",
        "_record",
        "_settings",
        "_site",
        "_told",
    )

    def __init__(
        self,
        site: Site,
        record: Record,
        execs: dict[str, ExecProcess],
        told: Told,
    ) -> None:
        self._site = site
        self._record = record
        self._execs = execs
        self._told = told
        self._settings = record.definition.settings
        self._pid = 0
        self._readiness: Readiness | None = None
        self._health: HealthWatch | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the run that is looked after is ready."""
        return self._readiness is not None and self._readiness.is_known

    @property
    def health(self) -> str:
        """How it is: healthy, unhealthy, starting, or ``-`` where nobody asks."""
        return self._health.verdict if self._health is not None else "-"

    @property
    def says(self) -> str:
        """What it says of itself; empty where it says nothing."""
        return self._readiness.status if self._readiness is not None else ""

    @property
    def reason(self) -> str:
        """Why it is not ready, or not healthy; empty where there is nothing to say."""
        if self._readiness is not None and not self._readiness.is_known:
            return self._readiness.missing
        return self._health.text if self._health is not None and self._health.verdict == "unhealthy" else ""

    def begin(self, pid: int, descriptors: Mapping[str, int], is_adopted: bool) -> Callable[[str, bytes], bool] | None:
        """
        Look after a run.

        :param descriptors: those that came with its process and are no output; ours now.
        :return: what is to hear its output, until it returns True; None: nobody.
        """
        self.end()
        self._pid = pid
        self._settings = self._record.definition.settings
        readiness = Readiness(self._site, self._record.definition.id, self._settings.ready, self)
        readiness.is_known = is_adopted and self._record.is_ready
        self._readiness = readiness
        readiness.start(pid, descriptors, self._execs, self._age(), is_adopted)
        if readiness.is_known:
            if is_adopted and descriptors:
                self._site.spawner.settle(self._record.definition.id, self._pid)
            if self._health is None:
                self._watch_health()
        return readiness.output if readiness.reads_output else None

    def keep(self) -> None:
        """The settings of the jail are others: the probe of its health changes at once."""
        before, health = self._settings, self._record.definition.settings.health
        self._settings = before._replace(health=health)  # when it is ready, its start has settled
        if self.is_ready and before.health != health:
            self._watch_health()

    def mind_pause(self) -> None:
        """It stands still, or goes on: whoever stands still is not asked how he is."""
        if self.is_ready:
            self._watch_health()

    def end(self) -> None:
        """The run is over, or somebody else's."""
        readiness, self._readiness = self._readiness, None
        health, self._health = self._health, None
        if readiness is not None:
            readiness.stop()
        if health is not None:
            health.stop()

    # --- what its readiness tells ------------------------------------------------------

    def ready(self) -> None:
        rule = self._settings.ready
        if rule.kind == "start":
            return  # which is no news beside its start
        self._record.is_ready = True
        self._record.save_if_possible()
        if rule.kind in ("fd", "notify"):
            self._site.spawner.settle(self._record.definition.id, self._pid)
        took = f"{self._age() * 1000:.0f}"
        self._told.emit("ready", {"ready": "yes", "took_ms": took, "by": READY if rule.kind == "probe" else PROGRAM})
        self._watch_health()
        self._told.ready()

    def late(self, error: RunjdError) -> None:
        self._told.late(error)

    # --- inside ----------------------------------------------------------------------

    def _age(self) -> float:
        """Seconds since it was started, which no change of the clock moves."""
        return max(0.0, self._site.uptime() - self._record.started)

    def _watch_health(self) -> None:
        before, self._health = self._health, None
        if before is not None:
            before.stop()
        rule = self._settings.health
        if rule is not None and not self._record.is_paused:
            jail, chance = self._record.definition.id, self._site.random()
            self._health = HealthWatch(self._site, jail, self._execs, rule, self._age, self._changed, chance)

    def _changed(self, before: str, action: str) -> None:
        health = self._health
        if health is None:
            return
        self._told.emit("health", {"from": before, "to": health.verdict, "text": health.text, "by": HEALTH})
        if action != "none":
            self._told.unwell(action, f"it is unhealthy: {health.text}" if health.text else "it is unhealthy")
