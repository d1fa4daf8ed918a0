"""
Removing jails from the host on a thread of the daemon, where that takes no worker of the keeper.

A worker is a fork of an interpreter and all the pages that it copies: most of what a
short-lived jail costs after its end.  What can take its time, as hooks do, is left to one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from runjd.errors import RunjdError


class AtOnce:
    """
    Removes jails that have ended.

    :param in_thread: calls what blocks.
    :param delete: removes the jail of a name, see :meth:`runjd.container.operations.Operations.delete_at_once`.
    :param limit: threads at once, of those that the daemon has for everything: what a removal is stuck in keeps its
        own; 0: nothing is done, as where no thread may do it.
    """

    def __init__(self, in_thread: Callable[..., Deferred[Any]], delete: Callable[[str], bool], limit: int) -> None:
        self._in_thread = in_thread
        self._delete = delete
        self._free = limit

    def __call__(self, jail: str) -> Deferred[bool]:
        """Remove a jail; fires with False where that was not done: a worker of the keeper does it, or tells why not."""
        if self._free <= 0:
            return succeed(False)
        self._free -= 1
        return self._in_thread(self._delete, jail).addBoth(self._over)

    def _over(self, outcome: object) -> bool:
        self._free += 1
        if isinstance(outcome, Failure) and not isinstance(outcome.value, RunjdError | OSError):
            outcome.raiseException()
        return outcome is True
