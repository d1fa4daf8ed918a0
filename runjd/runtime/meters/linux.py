"""
Usage on Linux: from the control groups of a jail, and what they do not count from proc(5).

The table of all processes is read once for all jails that need it; theirs are those in
their groups and in their pid namespaces, and without either those that descend from the
init process or are in its session.
"""

from __future__ import annotations

import os

from runjd.kernel.process import boot_id
from runjd.policy.usage import Usage
from runjd.runtime.linux.cgroup.files import pids, read_file
from runjd.runtime.linux.cgroup.frozen import is_frozen
from runjd.runtime.linux.cgroup.record import recorded
from runjd.runtime.meters.contract import Meter
from runjd.runtime.meters.families import Counted, families, total
from runjd.runtime.meters.found import Found
from runjd.runtime.meters.groups import Counts, count, killed_for_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from runjd.runtime.contract import Held

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class LinuxMeter(Meter):
    """
    The meter of Linux.

    :param kernel: a :class:`runjd.kernel.files.Files`.
    :param find: returns the record of a jail, None where there is none that can be read.
    """

    def __init__(self, kernel: Any, find: Callable[[str], Held | None]) -> None:
        self._kernel = kernel
        self._found = Found(find)

    def measure(self, inits: Mapping[str, int]) -> dict[str, Usage]:
        boot = boot_id()
        helds = {id: held for id, held in self._found.these(inits).items() if held.boot_id == boot}
        counts = {id: count(self._kernel, recorded(held.undo)) for id, held in helds.items()}
        poor = {id: held for id, held in helds.items() if None in counts[id][:3]}
        members = self._members(poor) if poor else {}
        usages = {}
        for id, held in helds.items():
            if id not in poor:
                usages[id] = _usage(counts[id], counts[id], held)
            elif members[id]:
                usages[id] = _usage(counts[id], self._sum(members[id]), held)
            else:
                self._found.forget(id)
        return usages

    def ran_out(self, id: str, groups: Sequence[str] | None = None) -> bool | None:
        if groups is None:
            held = self._found.one(id)
            groups = () if held is None else recorded(held.undo)
        return killed_for_memory(self._kernel, groups)

    def _members(self, helds: Mapping[str, Held]) -> dict[str, list[Counted]]:
        table = read_processes(self._kernel)
        by_pid = {each.pid: each for each in table}
        inits = {
            held.pid: id
            for id, held in helds.items()
            if held.pid in by_pid and by_pid[held.pid].start_time == held.start_time
        }
        owners = families(table, inits)
        self._claim_by_namespace(owners, inits)
        self._claim_by_group(owners, {id: helds[id] for id in inits.values()})
        members: dict[str, list[Counted]] = {id: [] for id in helds}
        for pid, owner in owners.items():
            if owner and pid in by_pid:
                members[owner].append(by_pid[pid])
        return members

    def _claim_by_namespace(self, owners: dict[int, str], inits: Mapping[int, str]) -> None:
        """Give to each jail who is in its pid namespace, and no descendant of its init process, as exec processes."""
        spaces = {self._space(pid): id for pid, id in inits.items()}
        for stranger in ("", self._space("self")):
            spaces.pop(stranger, None)
        if spaces:
            for pid, owner in owners.items():
                if not owner:
                    owners[pid] = spaces.get(self._space(pid), "")

    def _claim_by_group(self, owners: dict[int, str], helds: Mapping[str, Held]) -> None:
        for id, held in helds.items():
            for group in recorded(held.undo)[:1]:
                for pid in pids(self._kernel, group):
                    if not owners.get(pid):
                        owners[pid] = id

    def _space(self, pid: int | str) -> str:
        try:
            return str(self._kernel.readlink(f"/proc/{pid}/ns/pid"))
        except OSError:
            return ""

    def _sum(self, members: Iterable[Counted]) -> Counts:
        members = list(members)
        cpu, memory, processes = total(members)
        found = [pair for each in members if (pair := _disks(self._kernel, each.pid)) is not None]
        read, written = (sum(pair[0] for pair in found), sum(pair[1] for pair in found)) if found else (None, None)
        return Counts(cpu, memory, processes, read, written)


def read_processes(kernel: Any) -> list[Counted]:
    """Return all processes but zombies, as proc_pid_stat(5) tells of them."""
    found = []
    for name in kernel.listdir("/proc"):
        if name.isdecimal():
            try:
                text = read_file(kernel, f"/proc/{name}/stat")
            except OSError:
                continue
            each = parse_stat(int(name), text)
            if each is not None:
                found.append(each)
    return found


def parse_stat(pid: int, text: str) -> Counted | None:
    """Return a process of proc_pid_stat(5), None for a zombie. Pure."""
    # the name may hold spaces and parentheses; only the last one ends it
    fields = text[text.rfind(")") + 2 :].split(None, 22)
    if len(fields) < 22 or fields[0] in "ZXx":
        return None
    ticks = sum(map(int, fields[11:15]))
    return Counted(pid, int(fields[1]), int(fields[3]), int(fields[19]), ticks * _TICK, int(fields[21]) * _PAGE)


def _disks(kernel: Any, pid: int) -> tuple[int, int] | None:
    """Return what a process read from and wrote to disks, proc_pid_io(5); None where we may not know."""
    try:
        lines = read_file(kernel, f"/proc/{pid}/io").splitlines()
    except OSError:
        return None
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    return int(found.get("read_bytes", 0)), int(found.get("write_bytes", 0))


def _usage(counts: Counts, others: Counts, held: Held) -> Usage:
    """Return what the groups count, and in the place of what they do not, what the processes tell."""
    cpu, memory, processes, read, written = counts
    return Usage(
        (others.cpu or 0.0) if cpu is None else cpu,
        (others.memory or 0) if memory is None else memory,
        (others.processes or 0) if processes is None else processes,
        others.read if read is None else read,
        others.written if written is None else written,
        is_frozen(held.undo),
    )
