"""What the daemon cannot do as it should, while everything goes on: told by an event, by STATUS and in the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.logger import Logger


class Degradation:
    """
    Why the daemon is degraded, by who finds it.

    :param emit: tells an event of the daemon.
    """

    _log = Logger()

    def __init__(self, emit: Callable[[str, str, Mapping[str, object]], object]) -> None:
        self._emit = emit
        self._reasons: dict[str, str] = {}

    @property
    def reason(self) -> str:
        """Why it is, for people; empty where it is not."""
        return "; ".join(dict.fromkeys(self._reasons.values()))

    def tell(self, finder: str, reason: str) -> None:
        """
        Somebody found that something cannot be done as it should, or (by an empty reason) that it can be again.

        :param finder: a word for whoever tells; the last thing that each told counts.
        """
        before = self.reason
        self._reasons.pop(finder, None)
        if reason:
            self._reasons[finder] = reason
        if self.reason == before:
            return
        if self.reason:
            self._log.error("degraded: {reason}", reason=self.reason)
        else:
            self._log.info("no longer degraded")
        self._emit("", "store", {"state": "waiting" if self.reason else "writing", "degraded": self.reason})
