"""
Jails of Linux namespaces that exist: their processes, their limits, and their end.

Apart from the runtime that makes them, as ``kill`` and ``delete`` need nothing of
that, and load what they do need: no system call but those that Python has.
"""

from __future__ import annotations

from runjd.kernel.files import Files
from runjd.runtime import ending
from runjd.runtime.contract import Warden
from runjd.runtime.linux import members
from runjd.runtime.linux.cgroup.frozen import is_frozen
from runjd.runtime.linux.cgroup.record import recorded, scopes_of
from runjd.runtime.undoing import undo_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.runtime.contract import Held, MemoryWatch, Undo
    from runjd.runtime.linux.scope.bus import Ask
    from runjd.spec.resources import Resources

_KILL = 9


class LinuxWarden(Warden):
    """
    What is done to jails of Linux namespaces from outside.

    :param files: what reads, writes and removes files.
    :param ask: asks systemd, by default :func:`runjd.runtime.linux.scope.bus.ask`.
    """

    name = "linux"
    isolated = True

    def __init__(self, files: Files | None = None, ask: Ask | None = None) -> None:
        self._files = files or Files()
        self._ask = ask

    def processes(self, held: Held) -> tuple[int, ...]:
        return tuple(pid for pid, _start in members.members(held))

    def signal(self, held: Held, signum: int, everyone: bool) -> None:
        others = members.members(held) if everyone else ()
        groups = recorded(held.undo) if signum == _KILL else ()
        ending.signal_init(held, signum)
        if groups:
            self._let_die(held, groups, everyone)
        for pid, start_time in others:
            if pid != held.pid:
                ending.signal_stranger(pid, start_time, signum)

    def signal_rest(self, held: Held, signum: int) -> None:
        if members.has_own_pids(held):
            return
        groups = recorded(held.undo) if ending.is_of_this_boot(held) else ()
        others = members.members(held)
        if groups and signum == _KILL:
            self._let_die(held, groups, True)
        for pid, start_time in others:
            ending.signal_stranger(pid, start_time, signum)

    def pause(self, held: Held, made: Callable[[Undo], None]) -> None:
        from runjd.runtime.linux.cgroup import living

        living.pause(self._files, held, lambda: self.processes(held), made)

    def resume(self, held: Held) -> None:
        from runjd.runtime.linux.cgroup import freezing

        freezing.thaw(self._files, recorded(held.undo)[0])

    def is_paused(self, held: Held) -> bool:
        return is_frozen(held.undo)

    def update(self, held: Held, resources: Resources, made: Callable[[Undo], None]) -> None:
        from runjd.runtime.linux.cgroup import living

        def change() -> None:
            living.update(self._files, held, resources, lambda: self.processes(held), made)

        if scopes_of(held.undo):
            from runjd.runtime.linux.scope import bus, weighing

            weighing.update(self._ask or bus.ask, self._files, held, resources, change)
        else:
            change()

    def usage(self, held: Held) -> dict[str, object]:
        from runjd.runtime.linux.cgroup.usage import usage

        return usage(self._files, recorded(held.undo), self.processes(held))

    def watch_memory(self, held: Held) -> MemoryWatch:
        from runjd.runtime.linux.cgroup.memory_watch import watch_memory

        return watch_memory(self._files, recorded(held.undo))

    def remove(self, held: Held) -> None:
        groups = recorded(held.undo) if ending.is_of_this_boot(held) else ()
        if groups:
            self._empty(held, groups)
        elif members.has_own_pids(held):
            ending.end_init(held)
        else:
            ending.end(held, lambda: members.members(held))
        undo_files(self._files, held.root, held.undo)
        self._forget_scopes(held)

    def _forget_scopes(self, held: Held) -> None:
        """Have systemd forget what it made, where it made something."""
        if scopes_of(held.undo) and ending.is_of_this_boot(held):
            from runjd.runtime.linux.scope import bus, units

            units.stop_scopes(self._ask or bus.ask, held.undo)

    def _let_die(self, held: Held, groups: Sequence[str], everyone: bool) -> None:
        """Let what was killed die: with version 1 what is frozen does not."""
        from runjd.runtime.linux.cgroup import freezing, removing

        if everyone and not members.has_own_pids(held):
            removing.kill_all(self._files, groups)
        freezing.thaw(self._files, groups[0])

    def _empty(self, held: Held, groups: Sequence[str]) -> None:
        """End whatever is in the control groups of a jail, and remove them."""
        from runjd.runtime.linux.cgroup import freezing, removing

        if members.has_own_pids(held):
            if ending.signal_stranger(held.pid, held.start_time, _KILL):
                # with version 1 what is frozen does not die
                freezing.thaw(self._files, groups[0])
            ending.end_init(held)
        else:
            removing.kill_all(self._files, groups)
            ending.end(held, lambda: members.members(held))
        removing.remove_groups(self._files, held.undo)
