"""The reactor's threads, and how much waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool


class Threads:
    """Calls what blocks, off the reactor."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.pending = 0

    def __call__(self, call: Callable[..., Any], *words: object) -> Deferred[Any]:
        """Return what a call returns on a thread."""
        self.pending += 1
        work = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *words)
        return work.addBoth(self._done)

    def _done(self, outcome: object) -> object:
        self.pending -= 1
        return outcome
