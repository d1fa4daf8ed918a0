"""
The end of the daemon with all jails: in reverse order, side by side, and in time.

What is wanted of the jails stays as it is: the next daemon brings them up again.
rc.shutdown(8) of FreeBSD kills everything after 90 s, so it is over before that,
whatever a jail does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from runjd.errors import TimedOut
from runjd.policy.order import stop_layers
from runjd.supervise.jail import Jail

#: seconds that all of it may take
LIMIT = 80.0
#: seconds of them that are left to those which must be killed, or half of the time where that is less
_LAST = 15.0


class Shutdown:
    """
    Stops all jails, once.

    :param jails: by id.
    :param limit: seconds.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, jails: Mapping[str, Jail], by: str, limit: float) -> None:
        self._clock = clock
        self._jails = jails
        self._by = by
        self._limit = limit
        self._last = min(_LAST, limit / 2)
        self._layers: Sequence[Sequence[str]] = ()
        self._waiting: set[str] = set()
        self._is_hasty = False
        self._call: IDelayedCall | None = None
        self._result: Deferred[None] = Deferred()

    def begin(self) -> Deferred[None]:
        """
        Stop them.

        :return: fires when all are down; fails with TimedOut, naming those that are not.
        """
        alive = [id for id, jail in self._jails.items() if not jail.is_down]
        self._layers = stop_layers({id: jail.settings for id, jail in self._jails.items()}, alive)
        for jail in self._jails.values():
            jail.stay_down(self._by)
        self._call = self._clock.callLater(self._limit - self._last, self._hurry)
        self._next()
        return self._result

    def _next(self) -> None:
        """Stop the next layer; or all that is left, where there is no time."""
        while self._layers and not self._waiting:
            layer, self._layers = self._layers[0], self._layers[1:]
            self._stop(layer)
        if not self._waiting and not self._layers and not self._result.called:
            self._cancel()
            self._result.callback(None)

    def _stop(self, ids: Sequence[str]) -> None:
        jails = [jail for id in ids if (jail := self._jails.get(id)) is not None and not jail.is_down]
        self._waiting.update(jail.id for jail in jails)
        for jail in jails:
            timeout = jail.settings.stop.timeout
            jail.by = self._by
            jail.waiters.add("stopped").addBoth(self._stopped, jail.id)
            jail.machine.stop(0.0 if self._is_hasty else timeout)

    def _stopped(self, _: object, id: str) -> None:
        self._waiting.discard(id)
        self._next()

    def _hurry(self) -> None:
        """There is no more time for order and manners."""
        self._is_hasty = True
        left = [*self._waiting, *(id for layer in self._layers for id in layer)]
        self._log.error("{count} jails are killed, as the time for the shutdown is over", count=len(left))
        self._layers = ()
        self._call = self._clock.callLater(self._last, self._give_up)
        self._stop(left)
        self._next()

    def _give_up(self) -> None:
        self._call = None
        names = ", ".join(sorted(self._waiting)[:10])
        self._waiting.clear()
        for jail in self._jails.values():
            if jail.is_down:
                jail.unpause()  # the daemon stays, and what was held off is due when it was
        self._result.errback(TimedOut(f"jails did not end within {self._limit:g} s: {names}"))

    def _cancel(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
