"""
What jails use, measured in a thread, and only when somebody asks.

Those who ask while it is being measured share one measurement that follows, so that
however many ask, there is never more than one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from runjd.errors import Cancelled, InputOutput
from runjd.policy.facts import ExitRecord
from runjd.policy.usage import Usage
from runjd.runtime.meters.contract import Meter

_SIGKILL = 9
#: what a shell ends with whose last program was killed
_KILLED = 128 + _SIGKILL

#: when it was measured, and what each jail uses
Measures = tuple[float, Mapping[str, Usage]]


class Metering:
    """
    The measurements.

    :param meter: of this system.
    :param in_thread: does something off the reactor.
    :param clock: seconds that go on evenly.
    """

    def __init__(self, meter: Meter, in_thread: Callable[..., Deferred[Any]], clock: Callable[[], float]) -> None:
        self._meter = meter
        self._in_thread = in_thread
        self._clock = clock
        self._inits: dict[str, int] = {}
        self._waiting: list[Deferred[Measures]] = []
        self._is_busy = False
        # of jails, as they were made
        self._groups: dict[str, tuple[str, ...]] = {}

    def measure(self, inits: Mapping[str, int]) -> Deferred[Measures]:
        """
        Return what jails use; there may be others among them.

        :param inits: the pid of the init process of each, by the id of the jail.
        :raise InputOutput: (by the Deferred) the system tells nothing.
        """
        self._inits.update(inits)
        result: Deferred[Measures] = Deferred(_abandon)
        self._waiting.append(result)
        if not self._is_busy:
            self._begin()
        return result

    def judged(self, id: str, exit: ExitRecord, last: ExitRecord | None) -> ExitRecord:
        """
        Return how a jail ended, with what is known of its memory.

        It may be asked again once the jail was removed, when nothing tells that any more.

        :param last: what was returned the last time.
        """
        if last is not None and last._replace(oom=exit.oom) == exit:
            return last
        groups = self._groups.pop(id, None)
        if exit.signal == _SIGKILL or exit.status == _KILLED:
            return exit._replace(oom=self._meter.ran_out(id, groups))
        return exit

    def learn(self, id: str, groups: tuple[str, ...] | None) -> None:
        """
        Remember which control groups a jail has, so that nothing is to be read for them when it ends.

        :param groups: None: it may have others now, and its record says which.
        """
        if groups is None:
            self._groups.pop(id, None)
        else:
            self._groups[id] = groups

    def _begin(self) -> None:
        inits, self._inits = self._inits, {}
        waiting, self._waiting = self._waiting, []
        self._is_busy = True

        def measured(result: Mapping[str, Usage] | Failure) -> None:
            self._is_busy = False
            for each in waiting:
                if each.called:
                    continue  # no longer waited for
                if isinstance(result, Failure):
                    each.errback(_explained(result))
                else:
                    each.callback((at, result))
            if self._waiting and not self._is_busy:
                self._begin()

        at = self._clock()
        self._in_thread(self._meter.measure, inits).addBoth(measured)


def _explained(failure: Failure) -> Exception | Failure:
    if isinstance(failure.value, OSError):
        return InputOutput(f"cannot measure: {failure.value.strerror or failure.value}")
    return failure


def _abandon(result: Deferred[Measures]) -> None:
    result.errback(Cancelled("no longer waited for"))
