"""The reactor's threads, and how much waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool

from runjd.errors import LimitReached


class Threads:
    """Calls what blocks, off the reactor."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.pending = 0

    def __call__(self, call: Callable[..., Any], *words: object) -> Deferred[Any]:
        """Return what a call returns on a thread; it fails with LIMIT where there can be none."""
        self.pending += 1
        try:
            work = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *words)
        except RuntimeError as error:  # as threading says it where the system refuses a thread
            work = fail(LimitReached(f"{error}: see what limits the threads of runjd, and try again"))
        return work.addBoth(self._done)

    def _done(self, outcome: object) -> object:
        self.pending -= 1
        return outcome
