"""What follows from what is found out about a jail that runs: that it is late, or unwell."""

from __future__ import annotations

from functools import partial

from twisted.logger import Logger

from runjd.errors import RunjdError
from runjd.supervise.causes import HEALTH, READY
from runjd.supervise.site import Site
from runjd.supervise.tending import Tending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.supervise.jail import Jail

_log = Logger()


def tending_of(jail: Jail, site: Site) -> Tending:
    """Return what looks after a jail, with the consequences of what it finds."""

    def ready() -> None:
        site.order.moved(jail)
        jail.waiters.reached(jail.facts())

    emit = partial(site.events.emit, jail.id)
    return Tending(site, jail.record, jail.execs, emit, ready, partial(late, jail), partial(unwell, jail, site))


def late(jail: Jail, error: RunjdError) -> None:
    """It was not ready in time: that start failed."""
    jail.condemn(str(error), READY, jail.settings.stop.timeout)
    jail.waiters.failed(error)


def unwell(jail: Jail, site: Site, action: str, why: str) -> None:
    """
    It became unhealthy.

    :param action: what its health rule wants: restart, stop or kill.
    """
    timeout = jail.settings.stop.timeout
    if action != "stop":
        jail.condemn(why, HEALTH, 0.0 if action == "kill" else timeout)
        return
    try:
        jail.set_want("down", HEALTH)
    except RunjdError as error:
        _log.error("{jail} cannot be stopped for good: {error}", jail=jail.id, error=error)
    site.order.stop(jail, partial(jail.machine.stop, timeout))
