"""Having removed from the host what is left of a jail: on a thread of the daemon, or by the keeper."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from runjd.errors import KeeperLost, RunjdError
from runjd.supervise.site import Site
from runjd.supervise.told import Told


class Removal:
    """
    One removal after another of one jail.

    :param told: told of faults of ours.
    :ivar is_due: something of the jail is still on the host, as a removal failed.
    """

    __slots__ = ("_jail", "_site", "_told", "is_due")

    def __init__(self, site: Site, jail: str, told: Told) -> None:
        self._site = site
        self._jail = jail
        self._told = told
        self.is_due = False

    def begin(
        self,
        removed: Callable[[], None],
        absent: Callable[[], None],
        failed: Callable[[RunjdError], None],
        force: bool = False,
        at_once: bool = False,
    ) -> None:
        """
        Remove it.

        A keeper that is lost meanwhile answers nothing: the machine hears of the loss.

        :param absent: called where there was nothing to remove.
        :param failed: told why something is left.
        :param at_once: by the daemon itself where that can be, as the keeper holds nothing that is in its way.
        """
        spawner = self._site.spawner

        def go_on(is_removed: bool) -> Deferred[None]:
            if self._site.spawner is not spawner:
                raise KeeperLost("the keeper was lost meanwhile")
            return succeed(None) if is_removed else spawner.delete(self._jail, force=force)

        def done(_: None) -> None:
            self.is_due = False
            removed()

        def refused(failure: Failure) -> None:
            error = explained(failure)
            if error.code == "NOJAIL":
                self.is_due = False
                absent()
            elif not isinstance(error, KeeperLost):
                self.is_due = True
                failed(error)

        begun = self._site.remove_at_once(self._jail) if at_once else succeed(False)
        begun.addCallback(go_on).addCallbacks(done, refused).addErrback(self._told.broken)


def explained(failure: Failure) -> RunjdError:
    """Return the error in words of ours."""
    error = failure.value
    return error if isinstance(error, RunjdError) else RunjdError(f"{type(error).__name__}: {error}")
