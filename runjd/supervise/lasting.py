"""
Writing down what must outlast a reboot, beside the reactor.

What comes while the disk is busy is written together, next; of one jail the last
wish counts.  A disk that refuses is tried again until it does not, and delays nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from runjd.supervise.wishes import Wish, Wishes

#: seconds until a disk that refused is tried again: at first, and at most
_PATIENCE = (1.0, 30.0)


class Lasting:
    """
    The wishes of all jails.

    :param in_thread: calls a function beside the reactor, as ``twisted.internet.threads.deferToThread``.
    :param trouble: told why the disk refuses, and the empty text once it does not any more.
    """

    def __init__(
        self,
        wishes: Wishes,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        trouble: Callable[[str], None],
    ) -> None:
        self._wishes = wishes
        self._clock = clock
        self._in_thread = in_thread
        self._trouble = trouble
        self._pending: dict[str, Wish | None] = {}
        # who waits for the batch that is being written, and for the one behind it
        self._now: list[Deferred[None]] = []
        self._then: list[Deferred[None]] = []
        self._is_busy = False
        self._patience = 0.0
        self._call: IDelayedCall | None = None

    def put(self, id: str, wish: Wish | None) -> None:
        """Write down what is wanted of a jail; None: forget that anything was."""
        self._pending[id] = wish
        if not self._is_busy and self._call is None:
            self._write()

    def settled(self) -> Deferred[None]:
        """Fire once all that was put is on disk, or the disk has refused it."""
        if not self._is_busy:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        (self._then if self._pending else self._now).append(waiting)
        return waiting

    def close(self) -> None:
        """Try no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # --- inside ---------------------------------------------------------------------

    def _write(self) -> None:
        self._call = None
        batch, self._pending = self._pending, {}
        self._is_busy = True
        self._now, self._then = self._then, []
        done = self._in_thread(self._wishes.write, batch)
        done.addCallbacks(self._written, self._refused, errbackArgs=(batch,))
        done.addBoth(self._next)

    def _written(self, _: object) -> None:
        if self._patience:
            self._patience = 0.0
            self._trouble("")

    def _refused(self, failure: Failure, batch: Mapping[str, Wish | None]) -> None:
        self._pending = {**batch, **self._pending}
        if not self._patience:
            self._trouble(f"what is wanted does not outlast a reboot yet: {failure.getErrorMessage()}")
        self._patience = min(self._patience * 2, _PATIENCE[1]) or _PATIENCE[0]
        self._call = self._clock.callLater(self._patience, self._write)

    def _next(self, _: object) -> None:
        waiting, self._now = self._now, []
        self._is_busy = False
        if self._pending and self._call is None:
            self._write()
        for each in waiting:
            each.callback(None)
