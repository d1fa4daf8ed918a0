"""Which processes are whose: by their session, or by descent from the first process of a jail. Pure."""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Counted(Value):
    """
    One process, and what the kernel counts of it.

    :ivar start_time: as :mod:`runjd.kernel.process` has it.
    :ivar cpu: seconds on the processors, of itself and of the children that it waited for.
    :ivar memory: bytes that are in memory.
    :ivar jid: of its jail (FreeBSD).
    """

    pid: int
    parent: int
    session: int
    start_time: int
    cpu: float
    memory: int
    jid: int = 0


def families(processes: Sequence[Counted], inits: Mapping[int, str]) -> dict[int, str]:
    """
    Return to whom each process belongs, by pid; empty for nobody.

    The next one above it counts that is an init process or is in the session of one,
    so a jail within a jail is a jail of its own.

    :param inits: the jails by the pids of their init processes, which are among the processes.
    """
    by_pid = {each.pid: each for each in processes}
    known: dict[int, str] = dict(inits)
    for each in processes:
        way: list[int] = []
        at = each
        while at.pid not in known:
            way.append(at.pid)
            # parents of a table that is read while it changes may go in a circle
            known[at.pid] = inits.get(at.session, "")
            above = by_pid.get(at.parent)
            if known[at.pid] or above is None:
                break
            at = above
        owner = known[at.pid]
        for pid in way:
            known[pid] = owner
    return known


def total(processes: Iterable[Counted]) -> tuple[float, int, int]:
    """Return the time, the memory and the number of processes."""
    cpu, memory, count = 0.0, 0, 0
    for each in processes:
        cpu, memory, count = cpu + each.cpu, memory + each.memory, count + 1
    return cpu, memory, count
