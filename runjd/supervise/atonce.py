"""
Removing jails from the host on a thread of the daemon, where that takes no worker of the keeper.

A worker is a fork of an interpreter and all the pages that it copies: most of what a
short-lived jail costs after its end.  What can take its time, as hooks do, is left to one;
so is what takes its time, as a root on a file system that does not answer: whoever waits for a worker hears why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from runjd.errors import RunjdError

#: seconds that a removal gets, of which it needs thousandths
PATIENCE = 20.0


class AtOnce:
    """
    Removes jails that have ended.

    :param in_thread: calls what blocks.
    :param delete: removes the jail of a name, see :meth:`runjd.container.operations.Operations.delete_at_once`; never
        one that runs, as it may come late.
    :param limit: threads at once, of those that the daemon has for everything: what a removal is stuck in keeps its
        own; 0: nothing is done, as where no thread may do it.
    """

    def __init__(
        self,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        delete: Callable[[str], bool],
        limit: int,
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        self._delete = delete
        self._free = limit

    def __call__(self, jail: str) -> Deferred[bool]:
        """Remove a jail; fires with False where that was not done: a worker of the keeper does it, or tells why not."""
        if self._free <= 0:
            return succeed(False)
        self._free -= 1
        removed: Deferred[bool] = Deferred()
        late = self._clock.callLater(PATIENCE, removed.callback, False)

        def over(outcome: object) -> object:
            self._free += 1
            is_known = isinstance(outcome, Failure) and isinstance(outcome.value, RunjdError | OSError)
            if late.active():
                late.cancel()
                removed.callback(outcome if isinstance(outcome, Failure) and not is_known else outcome is True)
                return None
            return None if is_known else outcome

        self._in_thread(self._delete, jail).addBoth(over)
        return removed
