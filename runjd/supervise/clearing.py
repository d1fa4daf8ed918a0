"""Removing what is left of containers that nobody runs; a start of that name waits for it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed


class Clearing:
    """All removals of leftovers that are under way."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[str, list[Deferred[None]]] = {}

    def begin(self, id: str, remove: Callable[[], Deferred[None]]) -> Deferred[None]:
        """Remove what is left of one; fires when that is over, or fails."""
        self._waiting.setdefault(id, [])
        return remove().addBoth(self._over, id)

    def over(self, id: str) -> Deferred[None]:
        """Fire once nothing of that name is being removed any more."""
        if id not in self._waiting:
            return succeed(None)
        self._waiting[id].append(Deferred())
        return self._waiting[id][-1]

    def _over(self, result: None, id: str) -> None:
        for each in self._waiting.pop(id, ()):
            each.callback(None)
        return result
