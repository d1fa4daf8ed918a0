"""
A control group that only tells which processes are a jail's, where nothing else does. Linux.

Whoever is born in it stays in it, whatever becomes of his parents and his session.
It has no limits, so one hierarchy will do: that of the freezer, by which processes
that fork are stopped before they are killed, where there is one.  A host that gives
us none, or none that we may change, is served without.
"""

from __future__ import annotations

import os

from runjd.errors import RunjdError
from runjd.runtime.linux.cgroup.files import pids, read_host
from runjd.runtime.linux.cgroup.hierarchies import Host
from runjd.runtime.linux.cgroup.joining import Doors, join_groups
from runjd.runtime.linux.cgroup.making import freezer_first, make_bare_groups
from runjd.runtime.linux.cgroup.record import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from runjd.runtime.contract import Held, Undo


def make_group(kernel: Any, id: str, made: Callable[[Undo], None]) -> tuple[str, ...]:
    """
    Make a group below our own, of a name that no other jail can have; return its directory, nothing where none can be.

    :param kernel: a :class:`runjd.kernel.files.Files`.
    :param made: told of it before it is there.
    """
    for hierarchy in freezer_first(read_host(kernel))[:1]:
        if hierarchy.version == 2:
            # none is needed
            hierarchy = hierarchy._replace(controllers=())
        try:
            return tuple(make_bare_groups(kernel, Host((hierarchy,)), f"{id}.{os.getpid()}", id, made).values())
        except RunjdError:
            break
    return ()


def enter_group(kernel: Any, groups: tuple[str, ...]) -> None:
    """Let the calling process, and whoever descends from it, be in the group; without it, it stays where it is."""
    try:
        join_groups(kernel, groups)
    except RunjdError:
        pass


def join_group(held: Held) -> None:
    """Let the calling process be in the group of a jail that lives."""
    try:
        doors = Doors(recorded(held.undo), held.pid)
    except RunjdError:
        return
    try:
        doors.enter()
    except OSError:
        pass
    finally:
        doors.close()


def gathered(kernel: Any, undo: Iterable[Undo]) -> set[int]:
    """Return the pids of those who are in the group of a jail."""
    return {pid for each in recorded(undo) for pid in pids(kernel, each)}
