"""
The control groups of a jail where systemd makes them.

systemd has its own hierarchy, and with version 1 some of the controllers; in every
other hierarchy the group is made at the same path by us, as runc does.  The scope is
delegated, so what is below its group is ours: the processes, with their limits, are in
a group below it, as crun has it.  In the group of the scope itself systemd takes limits
away that it was not told of, whenever it reads its units again: it is told of those that
count for nothing below (:mod:`runjd.runtime.linux.scope.weighing`).
"""

from __future__ import annotations

import os

from runjd.errors import RuntimeFailure
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup.files import read_host, write_file
from runjd.runtime.linux.cgroup.making import make_groups
from runjd.runtime.linux.cgroup.writes import plan_writes
from runjd.runtime.linux.scope.naming import PATH
from runjd.runtime.linux.scope.standin import StandIn
from runjd.runtime.linux.scope.units import start_scope
from runjd.runtime.linux.scope.weighing import weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runjd.runtime.contract import Undo
    from runjd.runtime.linux.cgroup.hierarchies import Host
    from runjd.runtime.linux.scope.bus import Ask
    from runjd.runtime.linux.scope.naming import Scope
    from runjd.spec.resources import Resources

#: the group of the processes, below that of the scope
BELOW = "/container"


class Scopes:
    """
    Makes the scope of a jail, and keeps it until the init process is in it.

    :param ask: asks busctl, see :func:`runjd.runtime.linux.scope.bus.ask`.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._stand_in: StandIn | None = None

    def make(
        self, kernel: Any, scope: Scope, id: str, resources: Resources, made: Callable[[Undo], None]
    ) -> tuple[str, ...]:
        """
        Have the scope made, and limit what is in it.

        :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
        :return: the directories of its groups, that of the freezer first.
        :raise RunjdError: naming what cannot be applied, or what systemd said; call :meth:`release`.
        """
        heavy = weights(plan_writes(resources, read_host(kernel)))
        self._stand_in = StandIn()
        pid = self._stand_in.pid

        def arrived() -> bool:
            return bool(scope_path(read_host(kernel, pid), scope.unit))

        start_scope(self._ask, scope, id, pid, made, arrived, heavy)
        host = read_host(kernel, pid)
        path = scope_path(host, scope.unit)
        if not path:
            raise RuntimeFailure(f"find the control group of {scope.unit}", "its process has left it", PATH)
        unified = host.unified()
        if unified and os.path.basename(unified.own) == scope.unit:
            _move_down(kernel, unified.own, pid)
        return make_groups(kernel, host, path + BELOW, id, resources, made, frozenset((pid,)))

    def release(self) -> None:
        """Let go of what keeps the scope: the init process is in it, or never will be."""
        if self._stand_in is not None:
            self._stand_in.end()
            self._stand_in = None


def _move_down(kernel: Any, group: str, pid: int) -> None:
    """With version 2 a group that has processes hands no controllers on."""
    try:
        kernel.mkdir(group + BELOW, 0o755)
        write_file(kernel, f"{group}{BELOW}/cgroup.procs", str(pid))
    except OSError as error:
        raise failure(f"make the control group {group}{BELOW}", error, PATH) from error


def scope_path(host: Host, unit: str) -> str:
    """
    Return the path of a scope below the mount points, empty where the process is not in it yet.

    :param host: as the process sees it that is to be in it; systemd moves it in its own hierarchy first.
    """
    for each in reversed(host.hierarchies):
        if os.path.basename(each.own) == unit:
            return each.own[len(each.mount) :]
    return ""
