"""
What an operator asks of one jail; every command may be given twice.

========== ===================== ======================= ==========================
command    where it runs         where it is down        want
========== ===================== ======================= ==========================
start      nothing               starts it               up, or once
stop       stops it              nothing; no start will  down
                                 follow by itself
restart    stops and starts it   starts it               up
try        stops and starts it   nothing, unless a start as it was
restart                          would follow by itself
pause,     stands still, or goes   refused                 as it was
resume     on
reset      counts anew           forgets a failure; what as it was
                                 is held off starts
========== ===================== ======================= ==========================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred, fail, succeed

from runjd.errors import Gone, RunjdError, WrongState
from runjd.policy.facts import Definition, Facts
from runjd.supervise.jail import Jail
from runjd.supervise.lasting import Lasting
from runjd.supervise.ordering import Ordering


def tried(call: Callable[[], Deferred[Facts]]) -> Deferred[Facts]:
    """Return what a command comes to, its refusal too."""
    try:
        return call()
    except RunjdError as error:
        return fail(error)


class Commands:
    """
    Carries them out.

    :param order: others may have to start before, or to stop.
    :param lasting: an answer comes once what is wanted is there, or the disk has refused it.
    """

    def __init__(self, lasting: Lasting, order: Ordering) -> None:
        self._lasting = lasting
        self._order = order

    def run(self, jail: Jail, by: str) -> Deferred[Facts]:
        """Start a jail that is new; fires before any output is delivered. :raise RunjdError: as all of them."""
        jail.set_want("up", by)
        return self._up(jail)

    def start(self, jail: Jail, by: str, is_once: bool) -> Deferred[Facts]:
        """Want it up, or once; fires when its program was executed."""
        jail.set_want("once" if is_once else "up", by)
        self._order.bring_along(jail, is_by_hand=True)
        if self._order.is_stopping(jail):  # which has gone too far to be taken back
            return self._settled(self._anew(jail, None))
        return self._settled(succeed(jail.facts()) if jail.phase == "running" else self._up(jail))

    def stop(self, jail: Jail, by: str, timeout: float | None) -> Deferred[Facts]:
        """Want it down; fires when it is."""
        jail.set_want("down", by)
        if self._order.is_stopping(jail):  # maybe for a restart, which this takes back
            jail.waiters.failed(Gone(f'jail "{jail.id}" was stopped before it ran', jail=jail.id))
        jail.retrying.clear()
        if jail.phase == "idle":
            return self._settled(succeed(jail.facts()))
        stopped = jail.waiters.add("stopped")
        self._order.stop(jail, partial(jail.machine.stop, _seconds(jail, timeout)))
        return self._settled(stopped)

    def restart(self, jail: Jail, by: str, timeout: float | None) -> Deferred[Facts]:
        """Want it up, and have it begin anew; fires when its program was executed."""
        jail.set_want("up", by)
        self._order.bring_along(jail, is_by_hand=True)
        return self._settled(self._anew(jail, timeout))

    def try_restart(self, jail: Jail, by: str, timeout: float | None) -> Deferred[Facts]:
        """Have it begin anew where it is not down for good."""
        if jail.phase not in ("starting", "running", "backoff", "waiting"):
            return succeed(jail.facts())
        jail.by = by
        return self._anew(jail, timeout)

    def reset(self, jail: Jail, by: str) -> Facts:
        """Forget its failures."""
        jail.by = by
        phase = jail.phase
        jail.retrying.clear()
        if phase == "failed":
            jail.machine.stop(0.0)
        elif phase == "backoff":
            jail.machine.due()
        return jail.facts()

    def pause(self, jail: Jail, by: str) -> Deferred[Facts]:
        """Have its processes stand still."""
        if jail.phase != "running":
            raise WrongState(f'jail "{jail.id}" cannot be paused, it is {jail.phase}', jail=jail.id)
        if not jail.is_ready:
            raise WrongState(f'jail "{jail.id}" cannot be paused before it is ready; wait for that', jail=jail.id)
        return jail.pausing.pause(by).addCallback(lambda _: jail.facts())

    def resume(self, jail: Jail, by: str) -> Deferred[Facts]:
        """Let its processes go on."""
        return jail.pausing.resume(by).addCallback(lambda _: jail.facts())

    def enable(self, jail: Jail, by: str, enabled: bool) -> Deferred[Facts]:
        """Say whether it comes up at boots."""
        before, jail.record.enabled = jail.record.enabled, enabled
        try:
            jail.record.save()
        except RunjdError:
            jail.record.enabled = before
            raise
        if before is not enabled:
            jail.tell_change(by)
        return self._settled(succeed(jail.facts()))

    def redefine(self, jail: Jail, definition: Definition, by: str) -> None:
        """Take another definition: its settings now, all else at the next start."""
        before, jail.record.definition = jail.record.definition, definition
        try:
            jail.record.save()
        except RunjdError:
            jail.record.definition = before
            raise
        jail.keep()
        if definition != before:
            jail.tell_change(by)

    def undefine(self, jail: Jail, by: str) -> Deferred[None]:
        """Want it down, and forget it then; fires when it is gone."""
        jail.set_want("down", by)
        forgotten = jail.waiters.add_forgotten()
        jail.forget_when_down()
        if not jail.is_down:
            self._order.stop(jail, partial(jail.machine.stop, _seconds(jail, None)))
        return forgotten

    def _up(self, jail: Jail) -> Deferred[Facts]:
        jail.retrying.clear()
        started = jail.waiters.add("started")
        jail.machine.start()
        return started

    def _anew(self, jail: Jail, timeout: float | None) -> Deferred[Facts]:
        jail.retrying.clear()
        started = jail.waiters.add("started")
        self._order.stop(jail, partial(jail.machine.restart, _seconds(jail, timeout)), is_back_soon=True)
        return started

    def _settled(self, result: Deferred[Facts]) -> Deferred[Facts]:
        return result.addCallback(lambda facts: self._lasting.settled().addCallback(lambda _: facts))


def _seconds(jail: Jail, timeout: float | None) -> float:
    return jail.settings.stop.timeout if timeout is None else max(0.0, timeout)
