"""
Replacing keeper and daemon by the version that is installed, while the jails go on.

First the new daemon is tried out, then the keeper tries its successor out and becomes
it, then this daemon ends in order and becomes the new one.  Until the keeper has
answered, whatever goes wrong changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import Busy, WrongState
from runjd.policy.facts import Upgraded
from runjd.supervise.events import EventLog

_OLD_KEEPER = "the keeper is too old to be replaced while it runs; it serves the new daemon until no jail lives"


class Upgrading:
    """
    Carries out one at a time.

    :param version: of this daemon.
    :param obstacle: why this process cannot be replaced at all; empty: it can.
    :param rehearse: tries the new daemon out, and returns its version.
    :param upgrade_keeper: returns the versions of the keeper before and after; None: it is too old for that.
    :param away: called when the daemon is about to go and to come back: whoever manages services is to wait.
    :param leave: has this process become the new daemon, once the answer could be sent.
    :ivar is_leaving: whether the daemon ends to be replaced.
    """

    _log = Logger()

    def __init__(
        self,
        version: str,
        obstacle: str,
        events: EventLog,
        rehearse: Callable[[], Deferred[str]],
        upgrade_keeper: Callable[[], Deferred[tuple[str, str] | None]],
        away: Callable[[], None],
        leave: Callable[[], object],
    ) -> None:
        self._version = version
        self._obstacle = obstacle
        self._events = events
        self._rehearse = rehearse
        self._upgrade_keeper = upgrade_keeper
        self._away = away
        self._leave = leave
        self.is_leaving = False
        self._is_busy = False

    def begin(self, by: str) -> Deferred[Upgraded]:
        """
        Upgrade.

        :return: fires when the keeper is replaced and this daemon is about to be; fails with what is wrong.
        """
        if self._obstacle:
            return fail(WrongState(f"the daemon cannot be replaced in place: {self._obstacle}"))
        if self._is_busy:
            return fail(Busy("the daemon is being upgraded already", retry_ms=1000))
        self._is_busy = True
        self._log.info("an upgrade was asked for by {by}", by=by)
        result = self._rehearse().addCallback(self._rehearsed, by)
        result.addErrback(self._failed)
        return result

    def _rehearsed(self, version: str, by: str) -> Deferred[Upgraded]:
        return self._upgrade_keeper().addCallback(self._ready, version, by)

    def _ready(self, keeper: tuple[str, str] | None, version: str, by: str) -> Upgraded:
        before, after = keeper or ("", "")
        made = Upgraded(self._version, version, before, after, "" if keeper else _OLD_KEEPER)
        fields: dict[str, object] = {"from": made.before, "to": made.after}
        if keeper:
            fields |= {"keeper_from": before, "keeper_to": after}
        self._events.emit("", "upgrade", {**fields, "by": by})
        self._log.info("runjd {before} becomes {after}; keeper: {keeper}", **made._asdict(), keeper=keeper)
        self.is_leaving = True
        self._away()
        self._leave()
        return made

    def _failed(self, failure: Failure) -> Failure:
        self._is_busy = False
        self._log.error("not upgraded: {error}", error=failure.value)
        return failure
