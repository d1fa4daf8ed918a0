"""What the daemon itself takes of a configuration at once, at its start and at each reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from runjd.config.model import Configuration
from runjd.policy.descriptors import Shares
from runjd.supervise.controller import Controller
from runjd.supervise.site import Site

if TYPE_CHECKING:
    from runjd.access.credentialing import Credentials
    from runjd.access.guard import Guard
    from runjd.supervise.door import ControlDoor


def tune(
    found: Configuration,
    site: Site,
    controller: Controller,
    shares: Shares,
    guard: Guard,
    door: ControlDoor,
    credentials: Credentials | None,
) -> None:
    """Do as the configuration says of the daemon itself, from now on."""
    site.order.parallel = found.daemon.parallel
    controller.shutdown_limit = found.daemon.shutdown
    guard.take(found.rules)
    door.admit_group(found.group)
    if credentials is not None:
        credentials.take()
    _check_room(shares, controller)


def _check_room(shares: Shares, controller: Controller) -> None:
    """Tell if there are more jails than can run; those that find no room are refused when they start."""
    count = len(controller.ids())
    if count > shares.processes:
        Logger().warn(
            "{count} jails are defined, and the limit of descriptors, {limit}, is enough for {processes} processes",
            count=count,
            limit=shares.limit,
            processes=shares.processes,
        )
