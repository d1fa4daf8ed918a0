"""
The pause of one jail: its processes stand still until it is resumed.

The kernel keeps them so, whatever becomes of us (a frozen control group on Linux), so the
next daemon has to know of it.  Nobody asks a paused jail how it is, and a stop lets it go
on first: a signal reaches nobody who stands still.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from runjd.errors import RunjdError, WrongState
from runjd.supervise.record import Record
from runjd.supervise.site import Site
from runjd.supervise.told import Told


class Pausing:
    """
    Whether one jail is paused.

    :param told: told that it is paused, or no longer, and by whom.
    """

    __slots__ = ("_record", "_site", "_told")

    def __init__(self, site: Site, record: Record, told: Told) -> None:
        self._site = site
        self._record = record
        self._told = told

    def pause(self, by: str) -> Deferred[None]:
        """Stop its processes; fires when they stand still. Fails where the runtime cannot."""
        return self._change(True, by)

    def resume(self, by: str) -> Deferred[None]:
        """Let its processes go on."""
        return self._change(False, by)

    def lift(self, then: Callable[[], None]) -> None:
        """Let its processes go on, where they stand still, so that they can end; then go on in any case."""
        if not self._record.is_paused:
            then()
            return

        def lifted(_: object) -> None:
            then()

        self._set(False, "")
        self._site.spawner.change(self._record.definition.id, "resume").addBoth(lifted)

    def _change(self, is_paused: bool, by: str) -> Deferred[None]:
        def done(_: object) -> None:
            self._set(is_paused, by)

        def refused(failure: Failure) -> None:
            # somebody did it without us
            if not self._is_so(failure.value, is_paused):
                failure.raiseException()

        asked = self._site.spawner.change(self._record.definition.id, "pause" if is_paused else "resume")
        return asked.addErrback(refused).addCallback(done)

    def _is_so(self, error: object, is_paused: bool) -> bool:
        """Return whether a refusal says that it is so already."""
        if not isinstance(error, RunjdError) or error.code != WrongState.code:
            return False
        status = error.details.get("status")
        return status is not None and (status == "paused") is is_paused

    def _set(self, is_paused: bool, by: str) -> None:
        if self._record.is_paused is not is_paused:
            self._record.is_paused = is_paused
            self._record.save_if_possible()
            self._told.paused(is_paused, by)
