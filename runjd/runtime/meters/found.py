"""The records of jails that are measured again and again, each read once."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runjd.runtime.contract import Held


class Found:
    """
    What is on record of jails.

    :param find: returns the record of a jail, None where there is none that can be read.
    """

    def __init__(self, find: Callable[[str], Held | None]) -> None:
        self._find = find
        self._known: dict[str, Held] = {}

    def these(self, inits: Mapping[str, int]) -> dict[str, Held]:
        """
        Return the records of those whose init process is the one on record; all others are forgotten.

        :param inits: pids by jail.
        """
        found = {}
        for id, pid in inits.items():
            held = self._known.get(id)
            if held is None or held.pid != pid:
                held = self._find(id)
            if held is not None and held.pid == pid:
                found[id] = held
        self._known = found
        return dict(found)

    def forget(self, id: str) -> None:
        """Read its record anew the next time."""
        self._known.pop(id, None)

    def one(self, id: str) -> Held | None:
        """Return the record of a jail as it is now."""
        return self._find(id)
