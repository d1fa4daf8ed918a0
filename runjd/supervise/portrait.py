"""A jail as others see it."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from runjd.policy.facts import Facts
from runjd.policy.usage import Measured, Measurement
from runjd.supervise.metering import Metering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.supervise.jail import Jail

#: jails that are looked at before others have their turn; it takes a millisecond or two
_AT_ONCE = 50


async def measurement(metering: Metering, jails: Sequence[Jail], clock: IReactorTime) -> Measurement:
    """Return jails with what they use; of many, some at a time, so that others have their turn."""
    at, usages = await metering.measure({jail.id: jail.pid for jail in jails if jail.is_running})
    found: list[Measured] = []
    for each in jails:
        if found and len(found) % _AT_ONCE == 0:
            await deferLater(clock, 0)
        usage = usages.get(each.id) if each.is_running else None
        found.append(Measured(each.facts(), usage, each.log.intake.taken))
    return Measurement(at, tuple(found))


def facts_of(jail: Jail) -> Facts:
    """Return a jail as it is now."""
    record, is_running = jail.record, jail.is_running
    if jail.phase == "starting":
        status = "creating"
    elif is_running:
        status = "paused" if record.is_paused else "running"
    else:
        status = "stopped" if record.last_exit is not None or jail.has_ended else "-"
    return Facts(
        id=jail.id,
        want=jail.want,
        status=status,
        phase=jail.phase,
        ready="yes" if jail.is_ready else "no",
        health=jail.tending.health,
        definition=record.definition,
        terminal=jail.terminal,
        pid=jail.pid if is_running else 0,
        jid=jail.jid if is_running else 0,
        started_at=jail.started_at if is_running else 0.0,
        last_exit=record.last_exit,
        restarts=record.tallies.restarts,
        reason=jail.reason,
        notices=jail.notices,
        says=jail.tending.says,
        next_in=jail.retrying.next_in,
        enabled=jail.record.enabled,
        log_lost=jail.log_trouble.lost,
        is_configured=record.is_configured,
    )
