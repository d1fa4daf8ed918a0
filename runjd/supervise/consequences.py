"""What follows from what is found out about a jail that runs: that it is ready, late, or unwell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from twisted.logger import Logger

from runjd.errors import Gone, RunjdError
from runjd.policy.facts import ExitRecord
from runjd.supervise.causes import HEALTH, READY
from runjd.supervise.pausing import Pausing
from runjd.supervise.site import Site
from runjd.supervise.tending import Tending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.supervise.jail import Jail

_log = Logger()


def tending_of(jail: Jail, site: Site) -> Tending:
    """Return what looks after a jail, with the consequences of what it finds."""
    return Tending(site, jail.record, jail.execs, Consequences(jail, site))


def pausing_of(jail: Jail, site: Site) -> Pausing:
    """Return what pauses a jail, with the consequences."""

    def changed(is_paused: bool, by: str) -> None:
        site.events.emit(jail.id, "pause", {"paused": "yes" if is_paused else "no", "by": by or jail.by})
        jail.tending.mind_pause()

    return Pausing(site, jail.record, changed)


class Consequences:
    """What is done about one jail; a :class:`runjd.supervise.tending.Told`."""

    __slots__ = ("_jail", "_site")

    def __init__(self, jail: Jail, site: Site) -> None:
        self._jail = jail
        self._site = site

    def emit(self, ev: str, details: Mapping[str, object]) -> None:
        self._site.events.emit(self._jail.id, ev, details)

    def ready(self) -> None:
        self._site.order.moved(self._jail)
        self._jail.waiters.reached(self._jail.facts)

    def late(self, error: RunjdError) -> None:
        """It was not ready in time: that start failed."""
        jail = self._jail
        jail.condemn(str(error), READY, jail.settings.stop.timeout)
        jail.waiters.failed(error)

    def unwell(self, action: str, why: str) -> None:
        """
        It became unhealthy.

        :param action: what its health rule wants: restart, stop or kill.
        """
        jail = self._jail
        timeout = jail.settings.stop.timeout
        if action != "stop":
            jail.condemn(why, HEALTH, 0.0 if action == "kill" else timeout)
            return
        try:
            jail.set_want("down", HEALTH)
        except RunjdError as error:
            _log.error("{jail} cannot be stopped for good: {error}", jail=jail.id, error=error)
        self._site.order.stop(jail, partial(jail.machine.stop, timeout))


def unready(jail: Jail, exit: ExitRecord | None) -> None:
    """It ended before it was ready, and is not started again by itself: whoever waited for that is told."""
    if exit is None or jail.record.is_ready or jail.settings.ready.kind == "start":
        return
    if jail.record.stood != "backoff":
        jail.waiters.failed(Gone(f'jail "{jail.id}" ended before it was ready', jail=jail.id))
