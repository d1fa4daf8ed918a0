"""What follows from what is found out about a jail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import Gone, RunjdError
from runjd.policy.facts import ExitRecord
from runjd.supervise.causes import HEALTH, READY, RESTART
from runjd.supervise.events import exit_details
from runjd.supervise.site import Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.supervise.jail import Jail


class Consequences:
    """
    What is done about one jail; a :class:`runjd.supervise.told.Told`.

    :param forget: forgets a jail.
    """

    __slots__ = ("_forget", "_jail", "_site")
    _log = Logger()

    def __init__(self, jail: Jail, site: Site, forget: Callable[[Jail], None]) -> None:
        self._jail = jail
        self._site = site
        self._forget = forget

    def emit(self, ev: str, details: Mapping[str, object], at: float | None = None) -> None:
        self._site.events.emit(self._jail.id, ev, details, at)

    # --- of a run -----------------------------------------------------------------------

    def ready(self) -> None:
        self._site.order.moved(self._jail)
        self._jail.waiters.reached(self._jail.facts)

    def late(self, error: RunjdError) -> None:
        """It was not ready in time: that start failed."""
        jail = self._jail
        jail.condemn(str(error), READY, jail.settings.stop.timeout)
        jail.waiters.failed(error)

    def unwell(self, action: str, why: str) -> None:
        jail = self._jail
        timeout = jail.settings.stop.timeout
        if action != "stop":
            jail.condemn(why, HEALTH, 0.0 if action == "kill" else timeout)
            return
        try:
            jail.set_want("down", HEALTH)
        except RunjdError as error:
            self._log.error("{jail} cannot be stopped for good: {error}", jail=jail.id, error=error)
        self._site.order.stop(jail, partial(jail.machine.stop, timeout))

    def paused(self, is_paused: bool, by: str) -> None:
        self._site.metering.learn(self._jail.id, None)  # one that had none is given some for that
        self.emit("pause", {"paused": "yes" if is_paused else "no", "by": by or self._jail.by})
        self._jail.tending.mind_pause()

    # --- of its end ---------------------------------------------------------------------

    def step(self, step: Mapping[str, object]) -> None:
        self.emit("stop", {**step, "by": self._jail.by})

    def overdue(self) -> None:
        self._jail.machine.stop_overdue()

    def taken_away(self) -> None:
        self.emit("notice", {"text": "somebody else removes its jail, which kills what runs in it"})

    def seen_to_end(self, record: ExitRecord) -> None:
        self._jail.machine.exited(record)

    def ended(self, record: ExitRecord) -> None:
        jail = self._jail
        if jail.record.last_exit != record:  # else a lost connection to the keeper made it tell again
            jail.record.last_exit = record
            self.emit("exit", {**exit_details(record), "by": jail.by}, at=record.at)

    def over(self) -> None:
        self._jail.machine.ended()

    # --- of what follows ----------------------------------------------------------------

    def due(self) -> None:
        self._jail.by = RESTART
        self._jail.machine.due()

    def again(self) -> None:
        self._jail.revive()

    def forget(self) -> None:
        self._forget(self._jail)

    def broken(self, failure: Failure) -> None:
        self._log.failure("a fault in the supervision of {jail}", failure, jail=self._jail.id)


def unready(jail: Jail, exit: ExitRecord | None) -> None:
    """It ended before it was ready, and is not started again by itself: whoever waited for that is told."""
    if exit is None or jail.record.is_ready or jail.settings.ready.kind == "start":
        return
    if jail.record.stood != "backoff":
        jail.waiters.failed(Gone(f'jail "{jail.id}" ended before it was ready', jail=jail.id))
