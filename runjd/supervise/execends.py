"""How exec processes ended, for those who ask later."""

from __future__ import annotations

from runjd.errors import NotFound
from runjd.policy.facts import ExitRecord

#: so many are remembered, of all jails together; the oldest is forgotten first
REMEMBERED = 1000


class ExecEnds:
    """The last exits of exec processes; the names of exec processes are not used twice in the life of a daemon."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str], ExitRecord] = {}

    def remember(self, jail: str, exec_id: str, record: ExitRecord) -> None:
        """An exec process ended."""
        self._ends.pop((jail, exec_id), None)
        self._ends[jail, exec_id] = record
        if len(self._ends) > REMEMBERED:
            del self._ends[next(iter(self._ends))]

    def find(self, jail: str, exec_id: str) -> ExitRecord:
        """Return how it ended. :raise NotFound: there was none, or its end is forgotten."""
        try:
            return self._ends[jail, exec_id]
        except KeyError:
            raise NotFound(f'jail "{jail}" has no exec process "{exec_id}"', jail=jail, exec=exec_id) from None
