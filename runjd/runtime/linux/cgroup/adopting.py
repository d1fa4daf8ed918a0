"""
Groups for a jail that lives, and asked for none.

They are made where it would have been given them, below the groups that its init
process is in.  All of its processes are moved there, or none.
"""

from __future__ import annotations

from runjd.errors import RunjdError, RuntimeFailure, Unsupported
from runjd.runtime.contract import Undo
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup import freezing
from runjd.runtime.linux.cgroup.files import pids, read_host, write_file
from runjd.runtime.linux.cgroup.making import make_bare_groups
from runjd.runtime.linux.cgroup.record import NO_GROUPS, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from runjd.runtime.contract import Held

#: how often processes may have forked new ones while they are moved
_ROUNDS = 1000


def adopt(
    kernel: Any, held: Held, members: Callable[[], Iterable[int]], made: Callable[[Undo], None]
) -> tuple[str, ...]:
    """
    Make groups, and move all processes of a jail there, which stop as they arrive.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param members: returns the pids of its processes.
    :param made: told of the groups before they are made, and of those that there are not after all.
    :raise RunjdError: it cannot be done; they are where they were, and go on.
    """
    told: list[Undo] = []

    def tell(undo: Undo) -> None:
        told.append(undo)
        made(undo)

    try:
        return _move(kernel, held, members, tell)
    except RunjdError:
        groups = recorded(told)
        if groups and _leave(kernel, groups):
            made(Undo(NO_GROUPS, "\n".join(groups)))
        raise


def _move(
    kernel: Any, held: Held, members: Callable[[], Iterable[int]], made: Callable[[Undo], None]
) -> tuple[str, ...]:
    host = read_host(kernel, held.pid)
    if not host.hierarchies:
        raise Unsupported("", f'"{held.id}" is in no control group, as this host has none mounted that can be changed')
    # nobody asked for a name, so it is one that no other jail can have
    name = f"{held.id}.{held.pid}"
    directories = tuple(make_bare_groups(kernel, host, name, held.id, made).values())
    freezing.begin(kernel, directories[0])
    for _ in range(_ROUNDS):
        left = set(members()) - pids(kernel, directories[0])
        if not left:
            return directories
        for pid in left:
            _put(kernel, pid, (*directories[1:], directories[0]))
    raise RuntimeFailure("move the processes into control groups", "they fork faster than they can be moved")


def _put(kernel: Any, pid: int, directories: Sequence[str]) -> None:
    """Move a process into groups, if it is there."""
    for each in directories:
        try:
            write_file(kernel, f"{each}/cgroup.procs", str(pid))
        except ProcessLookupError:
            return
        except OSError as error:
            raise failure(f"move process {pid} into {each}", error) from error


def _leave(kernel: Any, directories: Sequence[str]) -> bool:
    """Move whoever is in the groups back to those above, and remove them; whether they are gone."""
    try:
        freezing.thaw(kernel, directories[0])
        for each in directories:
            above = each.rpartition("/")[0]
            for _ in range(_ROUNDS):
                left = pids(kernel, each)
                if not left:
                    break
                for pid in left:
                    _put(kernel, pid, (above,))
            try:
                kernel.rmdir(each)
            except FileNotFoundError:
                continue
    except (RunjdError, OSError):
        return False
    return True
