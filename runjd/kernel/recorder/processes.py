"""Processes of a kernel in memory: who sees and may kill whom, reapers, events."""

from __future__ import annotations

from runjd.kernel.freebsd.events import (
    EVFILT_JAIL,
    EVFILT_JAILDESC,
    EVFILT_PROC,
    NOTE_EXEC,
    NOTE_EXIT,
    NOTE_JAIL_MULTI,
    NOTE_JAIL_REMOVE,
    Event,
)
from runjd.kernel.freebsd.procctl import REAPED_CHILD, REAPED_ZOMBIE, Descendant, ReaperStatus
from runjd.kernel.freebsd.processes import KernelProcess
from runjd.kernel.recorder import life
from runjd.kernel.recorder.refusal import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.state import Process, State

_MOST_SIGNALS = 128
#: what these do to a process is of no interest here
_HARMLESS = (0, 17, 18, 19, 20, 21, 22, 16, 23, 28, 29)
_SIGKILL = 9


class Processes:
    """The system calls of processes."""

    def __init__(self, state: State) -> None:
        self._state = state

    def process(self, pid: int) -> KernelProcess | None:
        found = self._state.processes.get(pid)
        return self._told(found) if found is not None and self._sees(found) else None

    def processes(self) -> list[KernelProcess]:
        return [self._told(each) for each in self._state.processes.values() if self._sees(each)]

    def kill(self, pid: int, signum: int) -> None:
        if not 0 <= signum <= _MOST_SIGNALS:
            raise refusal("EINVAL")
        targets = self._targets(pid)
        if not targets:
            raise refusal("ESRCH")
        for target in targets:
            self._signal(target, signum)

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        process = self._state.processes.get(pid)
        if process is None or process.parent != self._state.me.pid:
            raise refusal("ECHILD", what=str(pid))
        if process.status is None:
            return 0, 0
        return pid, life.reap(self._state, pid)

    def reap_acquire(self) -> None:
        if self._state.me.is_reaper:
            raise refusal("EBUSY", what=f"procctl {self._state.me.pid}")
        self._state.me.is_reaper = True

    def reap_release(self) -> None:
        if not self._state.me.is_reaper:
            raise refusal("EINVAL", what=f"procctl {self._state.me.pid}")
        self._state.me.is_reaper = False

    def reap_status(self, pid: int = 0) -> ReaperStatus:
        process = self._state.processes.get(pid or self._state.me.pid)
        if process is None or not self._sees(process):
            raise refusal("ESRCH", what=f"procctl {pid}")
        reaper = process
        while not reaper.is_reaper and reaper.pid != self._state.init.pid:
            reaper = self._state.processes.get(reaper.parent, self._state.init)
        below = self._below(reaper)
        children = sum(each.parent == reaper.pid for each in below)
        return ReaperStatus(process.is_reaper or process is self._state.init, children, len(below), reaper.pid)

    def reap_getpids(self) -> list[Descendant]:
        me = self._state.me
        return [
            Descendant(
                each.pid,
                each.subtree,
                1 | (REAPED_CHILD if each.parent == me.pid else 0) | (REAPED_ZOMBIE if each.status is not None else 0),
            )
            for each in self._below(me)
        ]

    def reap_kill(self, signum: int, subtree: int = 0) -> int:
        if not 1 <= signum <= _MOST_SIGNALS:
            raise refusal("EINVAL", what=f"procctl {self._state.me.pid}")
        found = [each for each in self._below(self._state.me) if not subtree or each.subtree == subtree]
        found = [each for each in found if each.status is None]
        if not found:
            raise refusal("ESRCH", what=f"procctl {self._state.me.pid}")
        for each in found:
            self._signal(each, signum)
        return len(found)

    def set_no_new_privileges(self) -> None:
        self._state.me.no_new_privileges = True

    def set_death_signal(self, signum: int) -> None:
        if not 0 <= signum <= _MOST_SIGNALS:
            raise refusal("EINVAL", what=f"procctl {self._state.me.pid}")
        self._state.me.death_signal = signum

    def getpid(self) -> int:
        return self._state.me.pid

    def protect(self, pid: int, on: bool, descendants: bool = False, inherit: bool = False) -> None:
        process = self._state.processes.get(pid)
        if process is None or not self._sees(process):
            raise refusal("ESRCH", what=f"procctl {pid}")
        if self._state.me.jid or not self._state.is_root():
            raise refusal("EPERM", what=f"procctl {pid}")
        process.is_protected = on

    def setsid(self) -> None:
        if self._state.me.group == self._state.me.pid:
            raise refusal("EPERM")
        self._state.me.session = self._state.me.group = self._state.me.pid
        self._state.me.terminal = None

    def event_queue(self) -> Queue:
        return Queue(self._state)

    def _targets(self, pid: int) -> list[Process]:
        everyone = [each for each in self._state.processes.values() if self._sees(each)]
        if pid > 0:
            return [each for each in everyone if each.pid == pid]
        if pid == -1:
            spared = (self._state.me.pid, self._state.init.pid)
            return [each for each in everyone if each.pid not in spared and each.status is None]
        group = -pid or self._state.me.group
        return [each for each in everyone if each.group == group]

    def _signal(self, process: Process, signum: int) -> None:
        if self._state.me.uid not in (0, process.uid):
            raise refusal("EPERM")
        if signum in _HARMLESS or (signum in process.ignores and signum != _SIGKILL):
            return
        life.end(self._state, process, signum)

    def _sees(self, process: Process) -> bool:
        mine = self._state.mine()
        theirs = self._state.prison_of(process)
        return theirs is mine or theirs.is_below(mine)

    def _told(self, each: Process) -> KernelProcess:
        return KernelProcess(
            each.pid, each.parent, each.group, each.session, each.uid,
            # A jail does not know its own number.
            0 if each.jid == self._state.me.jid else each.jid,
            each.start_time, each.status is None, each.command, each.status or 0,
            each.cpu, each.resident,
        )  # fmt: skip

    def _below(self, reaper: Process) -> list[Process]:
        found: list[Process] = []
        pending = [reaper.pid]
        while pending:
            parent = pending.pop(0)
            children = [each for each in self._state.processes.values() if each.parent == parent]
            found += children
            pending += [each.pid for each in children if not each.is_reaper]
        return found


class Queue:
    """A kqueue in memory."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.owner = state.me
        self._watched: dict[tuple[int, int], int] = {}
        self._events: dict[tuple[int, int], Event] = {}
        state.queues.append(self)

    def fileno(self) -> int:
        return 1000 + self._state.queues.index(self)

    def close(self) -> None:
        self._state.queues.remove(self)

    def watch(self, ident: int, filter: int, notes: int) -> None:
        self._check_owner()
        if filter in (EVFILT_JAIL, EVFILT_JAILDESC) and self._state.major < 15:
            raise refusal("EINVAL")
        if filter not in (EVFILT_PROC, EVFILT_JAIL, EVFILT_JAILDESC):
            raise refusal("EINVAL")
        if filter != EVFILT_PROC:
            self._watch_jail(ident, filter, notes)
            return
        process = self._state.processes.get(ident)
        if process is None or (process.status is not None and not notes & NOTE_EXIT):
            raise refusal("ESRCH")
        self._watched[ident, filter] = notes
        if process.status is not None:
            self.tell(ident, filter, NOTE_EXIT, process.status)

    def forget(self, ident: int, filter: int) -> None:
        self._check_owner()
        if self._watched.pop((ident, filter), None) is None:
            raise refusal("ENOENT")
        self._events.pop((ident, filter), None)

    def events(self, most: int = 64, timeout: float | None = 0) -> list[Event]:
        self._check_owner()
        keys = list(self._events)[:most]
        found = [self._events.pop(key) for key in keys]
        for event in found:
            if event.filter == EVFILT_PROC and event.notes & NOTE_EXIT:
                self._watched.pop((event.ident, event.filter), None)
        return found

    def tell(self, ident: int, filter: int, notes: int, data: int = 0) -> None:
        """Let something happen; what was not read yet becomes one event with it."""
        wanted = notes & self._watched.get((ident, filter), 0)
        if not wanted:
            return
        before = self._events.get((ident, filter))
        if before is not None:
            wanted |= before.notes
            if filter != EVFILT_PROC:
                wanted, data = wanted | NOTE_JAIL_MULTI, 0
        self._events[ident, filter] = Event(ident, filter, wanted, data)

    def tell_exec(self, pid: int) -> None:
        """Let a process become another program."""
        self.tell(pid, EVFILT_PROC, NOTE_EXEC)

    def _watch_jail(self, ident: int, filter: int, notes: int) -> None:
        if filter == EVFILT_JAIL:
            prison = next((each for each in self._state.prisons if each.jid == ident), None)
            missing = "ENOENT"
        else:
            file = self.owner.descriptors.get(ident)
            prison, missing = (file.prison if file else None), "EBADF"
        if prison is None:
            raise refusal(missing)
        self._watched[ident, filter] = notes
        if prison.is_dying:
            self.tell(ident, filter, NOTE_JAIL_REMOVE)

    def _check_owner(self) -> None:
        # A queue is not inherited by a forked child.
        if self._state.me is not self.owner:
            raise refusal("EBADF")
