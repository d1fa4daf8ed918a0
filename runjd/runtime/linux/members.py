"""
Which processes belong to a jail of Linux namespaces.

With a pid namespace of its own: all in it, and whatever descends from them.
Without one its control groups tell, and where there are none the mount namespace,
which every jail has for itself; where its init process is dead, the name of the
namespace stands in the state as an ``Undo("kill", ...)``, and only processes that
started after the init process count.
"""

from __future__ import annotations

import os

from runjd.kernel import process
from runjd.kernel.files import Files
from runjd.runtime.linux.cgroup.record import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.runtime.contract import Held


def mount_namespace(pid: int | str) -> str:
    """Return the name of a process's mount namespace, as ``mnt:[4026531841]``; empty where it is gone or not ours."""
    return _namespace(pid, "mnt")


def has_own_pids(held: Held) -> bool:
    """Whether the jail has a pid namespace of its own, whose processes all end with its init process."""
    return not _recorded(held)


def members(held: Held) -> list[tuple[int, int]]:
    """Return (pid, start time) of the live processes of a jail, the init process first."""
    if held.pid <= 1 or held.boot_id != process.boot_id():
        return []
    lives = process.is_alive(held.pid, held.start_time)
    shared = _recorded(held)
    if not lives and not shared:
        # The kernel ends a pid namespace with its init process.
        return []
    if shared and (groups := recorded(held.undo)):
        return _in_groups(held, groups)
    kind = "mnt" if shared else "pid"
    wanted = shared or _namespace(held.pid, "pid")
    if not wanted or wanted == _namespace("self", kind):
        return [(held.pid, held.start_time)] if lives else []
    everyone = [each for each in process.everyone() if each.start_time >= held.start_time]
    ours = {each.pid for each in everyone if _namespace(each.pid, kind) == wanted}
    if lives:
        ours.add(held.pid)
    grown = True
    while grown:
        found = {each.pid for each in everyone if each.parent in ours} - ours
        ours |= found
        grown = bool(found)
    alive = [(each.pid, each.start_time) for each in everyone if each.pid in ours and each.alive]
    return sorted(alive, key=lambda each: (each[0] != held.pid, each[0]))


def _in_groups(held: Held, groups: Sequence[str]) -> list[tuple[int, int]]:
    """Return those in the groups; the name of a namespace, in contrast, is soon given to another one."""
    from runjd.runtime.linux.cgroup.files import pids

    files = Files()
    found = {pid for each in groups for pid in pids(files, each)}
    seen = [each for pid in found if (each := process.look(pid)) is not None and each.alive]
    return sorted(((each.pid, each.start_time) for each in seen), key=lambda each: (each[0] != held.pid, each[0]))


def _recorded(held: Held) -> str:
    return next((each.target for each in held.undo if each.action == "kill"), "")


def _namespace(pid: int | str, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""
