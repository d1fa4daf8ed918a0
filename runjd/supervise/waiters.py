"""Who waits until a jail is started, ready or stopped."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from runjd.errors import BadArgument, Cancelled, RunjdError
from runjd.policy.facts import Facts

UNTIL = ("started", "ready", "stopped")


def has_reached(facts: Facts, until: str) -> bool:
    """
    Return whether a jail is where somebody waits for it to be.

    :raise BadArgument: nobody can wait for that.
    """
    if until == "started":
        return facts.phase == "running"
    if until == "ready":
        return facts.phase == "running" and facts.ready == "yes"
    if until == "stopped":
        return facts.phase in ("idle", "failed")
    raise BadArgument(f'cannot wait until "{until}"; there is {", ".join(UNTIL)}')


class Waiters:
    """All that wait for one jail."""

    __slots__ = ("_forgotten", "_waiting")

    def __init__(self) -> None:
        self._waiting: tuple[tuple[str, Deferred[Facts]], ...] = ()
        self._forgotten: tuple[Deferred[None], ...] = ()

    def add(self, until: str) -> Deferred[Facts]:
        """Return what fires at the next change to that; it may be cancelled."""

        def cancel(waiting: Deferred[Facts]) -> None:
            self._waiting = tuple(each for each in self._waiting if each[1] is not waiting)
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[Facts] = Deferred(cancel)
        self._waiting += ((until, waiting),)
        return waiting

    def add_forgotten(self) -> Deferred[None]:
        """Return what fires when the jail is forgotten; it may be cancelled."""

        def cancel(waiting: Deferred[None]) -> None:
            self._forgotten = tuple(each for each in self._forgotten if each is not waiting)
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[None] = Deferred(cancel)
        self._forgotten += (waiting,)
        return waiting

    def reached(self, look: Callable[[], Facts]) -> None:
        """Fire those that waited for how the jail is now; nobody looks where nobody waits."""
        if not self._waiting:
            return
        facts = look()
        self._fire(lambda until: has_reached(facts, until), lambda waiting: waiting.callback(facts))

    def failed(self, error: RunjdError) -> None:
        """What was started did not start: tell those that waited for it."""
        self._fire(lambda until: until != "stopped", lambda waiting: waiting.errback(error))

    def gone(self, error: RunjdError) -> None:
        """The jail is forgotten: nobody waits any longer."""
        self._fire(lambda until: True, lambda waiting: waiting.errback(error))
        forgotten, self._forgotten = self._forgotten, ()
        for waiting in forgotten:
            waiting.callback(None)

    def not_forgotten(self, error: RunjdError) -> None:
        """The jail cannot be forgotten."""
        forgotten, self._forgotten = self._forgotten, ()
        for waiting in forgotten:
            waiting.errback(error)

    def _fire(self, is_meant: Callable[[str], bool], fire: Callable[[Deferred[Facts]], object]) -> None:
        if not self._waiting:
            return
        meant = [waiting for until, waiting in self._waiting if is_meant(until)]
        self._waiting = tuple(each for each in self._waiting if not is_meant(each[0]))
        for waiting in meant:
            fire(waiting)
