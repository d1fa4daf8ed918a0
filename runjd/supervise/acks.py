"""
Telling the keeper that an end is dealt with, so that it forgets the process.

A keeper that is killed before it does that has left its record of the end to the next
one, which tells of it anew.  Whoever gave his word remembers it: of a jail that was
deleted meanwhile nobody else knows that it ever was.  A process is known by its start
time as well, as pids come again.
"""

from __future__ import annotations

from collections.abc import Callable

from runjd.supervise.spawner import Spawner

#: a keeper is behind by less, however many jails end at once
REMEMBERED = 4096


class Acks:
    """
    The acknowledgements of one daemon.

    :param spawner: returns the keeper that there is now.
    """

    def __init__(self, spawner: Callable[[], Spawner]) -> None:
        self._spawner = spawner
        self._given: dict[tuple[str, str, int, int], None] = {}

    def give(self, jail: str, exec_id: str, pid: int, start: int) -> None:
        """Say it, to whichever keeper there is."""
        self._given[jail, exec_id, pid, start] = None
        if len(self._given) > REMEMBERED:
            del self._given[next(iter(self._given))]
        self._spawner().ack(jail, exec_id, pid)

    def was_given(self, jail: str, exec_id: str, pid: int, start: int) -> bool:
        """Whether it was said, lately."""
        return (jail, exec_id, pid, start) in self._given
