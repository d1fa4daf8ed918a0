"""Making one init process end: SIGTERM, time to obey, SIGKILL."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from runjd.supervise.site import STOP_TIMEOUT, Site

_SIGKILL = 9
_SIGTERM = 15


class Stopping:
    """
    One stop after another of one jail.

    :param overdue: called when it had its time to stop.
    """

    __slots__ = ("_abort_timeout", "_call", "_jail", "_overdue", "_site")
    _log = Logger()

    def __init__(self, site: Site, jail: str, overdue: Callable[[], None]) -> None:
        self._site = site
        self._jail = jail
        self._overdue = overdue
        self._abort_timeout = STOP_TIMEOUT
        self._call: IDelayedCall | None = None

    def abort(self, timeout: float) -> None:
        """Remember the time that it shall have once it was started."""
        self._abort_timeout = timeout

    def hurry(self, timeout: float) -> None:
        """It shall have no more time than that, either."""
        self._abort_timeout = min(self._abort_timeout, timeout)

    def begin(self, timeout: float | None) -> None:
        """
        Send SIGTERM, unless that was done, and wait; who asks again may shorten the time.

        :param timeout: seconds until it is overdue; None: as remembered.
        """
        seconds = self._abort_timeout if timeout is None else timeout
        is_first = self._call is None
        if seconds <= 0:
            self.cancel()
            self.force()
            return
        if self._call is None or self._call.getTime() > self._site.reactor.seconds() + seconds:
            self.cancel()
            self._call = self._site.reactor.callLater(seconds, self._overdue)
        if is_first:
            self._signal(_SIGTERM)

    def force(self) -> None:
        """Send SIGKILL."""
        self._signal(_SIGKILL)

    def remind(self) -> None:
        """Send again what may have been lost with the keeper: SIGTERM, or SIGKILL where that was due."""
        self._signal(_SIGTERM if self._call is not None and self._call.active() else _SIGKILL)

    def cancel(self) -> None:
        """It has stopped, or is somebody else's business."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _signal(self, signum: int) -> None:
        def failed(failure: object) -> None:
            why = getattr(failure, "value", failure)
            self._log.info("{jail}: signal {signum}: {error}", jail=self._jail, signum=signum, error=why)

        self._site.spawner.signal(self._jail, signum).addErrback(failed)
