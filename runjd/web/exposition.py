"""
The metrics as text: what is known is gathered in the reactor, and written down in a thread.

Nothing is counted twice for it: almost all of it is what the daemon knows in any case, so it costs
nothing while nobody asks.  Those who ask while one text is being made share it.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from runjd.errors import Cancelled, Unsupported
from runjd.interfaces import IController
from runjd.runtime.packages import missing
from runjd.supervise.pulse import Lag
from runjd.web.exits import ExitCounts
from runjd.web.sample import DaemonSample, Sample


class Exposition:
    """
    Makes the text.

    :param lag: returns how late the reactor was.
    :param connections: returns how many connections of the control protocol there are.
    :param queues: return how much waits, by the name of what it waits for.
    :param in_thread: does something off the reactor.
    """

    def __init__(
        self,
        controller: IController,
        exits: ExitCounts,
        lag: Callable[[], Lag],
        connections: Callable[[], int],
        queues: Mapping[str, Callable[[], int]],
        in_thread: Callable[..., Deferred[Any]],
    ) -> None:
        self._controller = controller
        self._exits = exits
        self._lag = lag
        self._connections = connections
        self._queues = queues
        self._in_thread = in_thread
        self._waiting: list[Deferred[bytes]] = []

    def text(self) -> Deferred[bytes]:
        """
        Return all metrics in the text format of Prometheus.

        :raise Unsupported: (by the Deferred) prometheus_client is not installed.
        """
        result: Deferred[bytes] = Deferred(_abandon)
        self._waiting.append(result)
        if len(self._waiting) == 1:
            maybeDeferred(self._make).addBoth(self._done)
        return result

    def _make(self) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self._gather()).addCallback(lambda sample: self._in_thread(_written, sample))

    async def _gather(self) -> Sample:
        measurement = await self._controller.measure(())
        return Sample(
            measurement,
            self._exits.counts(),
            Counter(each.jail for each in self._controller.sessions()),
            DaemonSample(self._lag(), self._connections(), {name: length() for name, length in self._queues.items()}),
        )

    def _done(self, outcome: bytes | Failure) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(outcome)


def _written(sample: Sample) -> bytes:
    """
    Write it down, on a thread, which also imports what that takes.

    So many values make Python look for garbage, and it would look through all that the daemon has,
    which a thousand jails make 100,000 objects: the reactor would wait for that.
    """
    gc.freeze()
    try:
        return _text(sample)
    finally:
        gc.unfreeze()


def _text(sample: Sample) -> bytes:
    try:
        from runjd.web.families import exposition
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        raise Unsupported("", missing("METRICS", error)) from None
    return exposition(sample)


def _abandon(result: Deferred[bytes]) -> None:
    result.errback(Cancelled("no longer waited for"))
