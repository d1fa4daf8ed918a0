"""
What is still waited for, on a line of a terminal that is wiped when it is there.

Only for a person: nothing is shown in the first second, to no terminal, and not beside
JSON.  Of a single jail the daemon is asked why it takes so long, which it knows: that a
signal was sent and when it is killed, or what it waits for.
"""

from __future__ import annotations

import time

from runjd.cli.output import duration, visible
from runjd.errors import RunjdError
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from runjd.cli.ctl.call import Call
    from runjd.cli.ctl.client import Client

#: seconds that need no words
_SOON = 1.0
_WORDS = {
    "START": "starting",
    "STOP": "stopping",
    "RESTART": "restarting",
    "TRY-RESTART": "restarting",
    "DELETE": "deleting",
    "SHUTDOWN": "shutting down",
}


class Waiting:
    """
    What one call is doing with several jails, as a context: behind it the line is wiped.

    :param verb: of the control protocol.
    :param jails: which; empty where it is about all of them.
    :param clock: seconds from anywhere.
    """

    def __init__(
        self, call: Call, verb: str, jails: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._call = call
        self._doing = _WORDS.get(verb, "waiting for")
        self._total = len(jails)
        self._left = dict.fromkeys(jails)
        self._clock = clock
        self._began = clock()
        self._asked: Client | None = None
        self._is_shown = False

    def __enter__(self) -> Self:
        call = self._call
        if call.err.is_terminal and not call.is_json and call.environment.get("TERM") != "dumb":
            call.client().while_waiting(self._tick)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()
        if self._asked is not None:
            self._asked.close()

    def ended(self, jail: str) -> None:
        """One is not waited for any more; the line is left to what is told of it."""
        self._left.pop(jail, None)
        self._wipe()

    def _wipe(self) -> None:
        if self._is_shown:
            self._is_shown = False
            self._call.err.write("\r\x1b[K")

    def _tick(self) -> None:
        took = self._clock() - self._began
        if took < _SOON:
            return
        reason = self._reason() if len(self._left) == 1 else ""
        text = words(self._doing, list(self._left), self._total, took, reason)
        self._is_shown = True
        self._call.err.write("\r" + self._call.err.styled(text[: (self._call.err.width or 80) - 1], "dim") + "\x1b[K")

    def _reason(self) -> str:
        """Ask the daemon on a connection of its own, as this one waits; without an answer it goes without."""
        try:
            if self._asked is None:
                self._asked = self._call.another_client()
            answer = self._asked.ask(Request("", "STATUS", (next(iter(self._left)),)))
        except (RunjdError, OSError):
            return ""
        return next((record.get("reason", "") for record in answer.records), "")


def words(doing: str, left: Sequence[str], total: int, took: float, reason: str = "") -> str:
    """Return what is still being done, and for how long."""
    names = ", ".join(visible(each) for each in left[:3]) + (", ..." if len(left) > 3 else "")
    count = f"{len(left)} of {total} left: " if total > 1 else ""
    why = f": {visible(reason)}" if reason else ""
    return f"{f'{doing} {count}{names}'.rstrip()} ({duration(took)}){why}"
