"""A jail as others see it."""

from __future__ import annotations

from collections.abc import Iterable

from runjd.policy.facts import Facts
from runjd.policy.usage import Measured, Measurement
from runjd.supervise.metering import Measures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.supervise.jail import Jail


def measurement(measures: Measures, jails: Iterable[Jail]) -> Measurement:
    """Return jails with what they use."""
    at, usages = measures
    return Measurement(
        at,
        tuple(
            [
                Measured(each.facts(), usages.get(each.id) if each.is_running else None, each.log.intake.taken)
                for each in jails
            ]
        ),
    )


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
