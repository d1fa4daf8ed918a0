"""
Records of jails that the disk refused: tried again until it does not.

Meanwhile what runs goes on, nothing is started by itself, and the daemon is degraded.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from runjd.errors import RunjdError

#: seconds until a disk that refused is tried again
RETRY = 2.0


class Unwritten:
    """
    What of all jails is still to be written.

    :param probe: raises RunjdError as long as the disk refuses.
    :param tell: told why the disk refuses, and the empty text once it does not any more.
    :ivar is_waiting: whether the disk refuses.
    """

    def __init__(self, clock: IReactorTime, probe: Callable[[], None], tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._probe = probe
        self._tell = tell
        self._again: dict[str, Callable[[], None]] = {}
        self._call: IDelayedCall | None = None
        self.is_waiting = False

    def refused(self, jail: str, again: Callable[[], None], error: Exception) -> None:
        """
        The record of a jail could not be written, or not be removed.

        :param again: tries it once more, and tells how that went; whatever is tried later in this jail's name
            takes its place.
        """
        self._again[jail] = again
        self.is_waiting = True
        self._tell(f"{error}; no jail is started meanwhile")
        if self._call is None:
            self._call = self._clock.callLater(RETRY, self._try)

    def written(self, jail: str) -> None:
        """What is known of a jail stands on disk."""
        if self._again.pop(jail, None) is not None and not self._again:
            self._over()

    def forgotten(self, jail: str) -> None:
        """Nothing of a jail is to be written any more."""
        self._again.pop(jail, None)

    def close(self) -> None:
        """Try no more."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _try(self) -> None:
        self._call = None
        for jail in list(self._again):
            self._again[jail]()
            if jail in self._again:  # it still refuses, so the others need not be tried
                break
        if self.is_waiting and not self._again:
            try:
                self._probe()
                self._over()
            except RunjdError:
                pass
        if self.is_waiting and self._call is None:
            self._call = self._clock.callLater(RETRY, self._try)

    def _over(self) -> None:
        self.is_waiting = False
        self._tell("")
