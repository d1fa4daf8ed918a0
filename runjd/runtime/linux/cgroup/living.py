"""
What is done to the groups of a jail that lives.

A jail that asked for no group gets some when it is paused, or limited, for the
first time (:mod:`runjd.runtime.linux.cgroup.adopting`).
"""

from __future__ import annotations

from runjd.runtime.linux.cgroup import freezing
from runjd.runtime.linux.cgroup.adopting import adopt
from runjd.runtime.linux.cgroup.files import read_host
from runjd.runtime.linux.cgroup.making import enable_controllers
from runjd.runtime.linux.cgroup.record import recorded
from runjd.runtime.linux.cgroup.writes import plan_writes
from runjd.runtime.linux.cgroup.writing import apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from runjd.runtime.contract import Held, Undo
    from runjd.runtime.linux.cgroup.hierarchies import Hierarchy, Host
    from runjd.spec.resources import Resources


def pause(kernel: Any, held: Held, members: Callable[[], Iterable[int]], made: Callable[[Undo], None]) -> None:
    """
    Stop all processes of a jail.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param members: returns the pids of its processes.
    :param made: told of groups that are made for this.
    """
    directories = recorded(held.undo) or adopt(kernel, held, members, made)
    freezing.freeze(kernel, directories[0])


def update(
    kernel: Any, held: Held, resources: Resources, members: Callable[[], Iterable[int]], made: Callable[[Undo], None]
) -> None:
    """
    Let other limits hold for a jail.

    :param resources: all of its limits.
    """
    host = read_host(kernel)
    # what cannot be applied at all is no reason for new groups
    writes = plan_writes(resources, host)
    directories: Sequence[str] = recorded(held.undo)
    if not directories:
        directories = adopt(kernel, held, members, made)
        freezing.thaw(kernel, directories[0])
    places = {each: directory for directory in directories if (each := _hierarchy(host, directory)) is not None}
    for hierarchy, directory in places.items():
        if hierarchy.version == 2:
            wanted = {each.controller for each in writes} & set(hierarchy.controllers)
            enable_controllers(kernel, hierarchy, directory, sorted(wanted))
    apply(kernel, writes, host, places)


def _hierarchy(host: Host, directory: str) -> Hierarchy | None:
    """Return the hierarchy that a group is in: of those that are mounted above it the nearest."""
    above = [each for each in host.hierarchies if directory.startswith(f"{each.mount}/")]
    return max(above, key=lambda each: len(each.mount), default=None)
