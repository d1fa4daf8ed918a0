"""
Usage on FreeBSD: what the kernel tells of processes, and racct(4) of a jail, where it is switched on.

The processes of all jails are one sysctl(3).  The processor time of racct is in whole
seconds, which says nothing of the last one, so that is always the sum over processes.
Bytes that went to disks are not counted for a jail.
"""

from __future__ import annotations

import os

from runjd.kernel.freebsd.rctl import amounts
from runjd.policy.usage import Usage
from runjd.runtime.freebsd.jails import name_of
from runjd.runtime.meters.contract import Meter
from runjd.runtime.meters.families import Counted, families, total
from runjd.runtime.meters.found import Found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Held

_PAGE = os.sysconf("SC_PAGE_SIZE")


class FreeBSDMeter(Meter):
    """
    The meter of FreeBSD.

    :param find: returns the record of a jail, None where there is none that can be read.
    """

    def __init__(self, kernel: FreeBSDKernel, find: Callable[[str], Held | None]) -> None:
        self._kernel = kernel
        self._found = Found(find)

    def measure(self, inits: Mapping[str, int]) -> dict[str, Usage]:
        helds = self._found.these(inits)
        table = [
            Counted(each.pid, each.parent, each.session, each.start_time, each.cpu, each.resident * _PAGE, each.jid)
            for each in self._kernel.processes()
            if each.alive
        ]
        starts = {each.pid: each.start_time for each in table}
        alive = {id: held for id, held in helds.items() if starts.get(held.pid) == held.start_time}
        owners = families(table, {held.pid: id for id, held in alive.items()})
        jids = {held.jid: id for id, held in alive.items() if held.jid}
        members: dict[str, list[Counted]] = {id: [] for id in alive}
        for each in table:
            owner = jids.get(each.jid, "") if each.jid else owners[each.pid]
            if owner:
                members[owner].append(each)
        usages = {}
        for id, held in helds.items():
            if id not in alive:
                self._found.forget(id)
                continue
            cpu, memory, processes = total(members[id])
            counted = self._counted(held)
            usages[id] = Usage(cpu, counted.get("memoryuse") or memory, counted.get("maxproc") or processes)
        return usages

    def _counted(self, held: Held) -> Mapping[str, int]:
        """Return what racct counts, nothing where it is switched off."""
        if not held.jid:
            return {}
        try:
            return amounts(self._kernel.rctl_get_racct(f"jail:{name_of(held)}"))
        except OSError:
            return {}
