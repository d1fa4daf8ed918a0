"""How the init processes of jails ended, counted by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from runjd.interfaces import IEvents
from runjd.policy.facts import Event

#: why a process ended; the labels of a counter, so they are few and do not change
REASONS = ("success", "failure", "signal", "memory", "unknown")


class ExitCounts:
    """Counts exits from now on; the counts of a jail go with it."""

    def __init__(self, events: IEvents) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._subscription = events.subscribe(self._take)

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how often each jail ended for each reason that it had."""
        return {(jail, reason): n for jail, counts in self._counts.items() for reason, n in counts.items()}

    def _take(self, event: Event) -> None:
        if event.ev == "exit":
            details = dict(event.details)
            if "exec" not in details:
                self._counts.setdefault(event.jail, Counter())[reason_of(details)] += 1
        elif event.ev == "deleted":
            self._counts.pop(event.jail, None)


def reason_of(details: Mapping[str, str]) -> str:
    """Return one of :data:`REASONS` for what the event ``exit`` tells."""
    if details.get("oom") == "yes":
        return "memory"
    if "signal" in details:
        return "signal"
    return {"0": "success", "unknown": "unknown"}.get(details.get("exit", "unknown"), "failure")
