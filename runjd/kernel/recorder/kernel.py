"""
A FreeBSD kernel in memory, with the methods of the real one.

It answers as FreeBSD 13.2 was seen to: parameters, defaults, errors with the
kernel's words, what is busy, what is dying.  It writes down what is asked of it,
and can be told to fail, or to kill us, at any call.

A test prepares the machine with what is not a system call: :meth:`fork`,
:meth:`acting_as`, :meth:`exit`, :meth:`reap`, :meth:`step_clock`, :meth:`reboot`.
"""

from __future__ import annotations

import contextlib
import os

from runjd.kernel.freebsd.kernel import FreeBSDKernel
from runjd.kernel.recorder import life, rulesets
from runjd.kernel.recorder.files import Files
from runjd.kernel.recorder.interfaces import Interfaces
from runjd.kernel.recorder.jails import Jails
from runjd.kernel.recorder.journal import Call, Journal, Killed
from runjd.kernel.recorder.machine import Machine
from runjd.kernel.recorder.mounts import Mounts
from runjd.kernel.recorder.paths import Paths
from runjd.kernel.recorder.prisons import Prisons
from runjd.kernel.recorder.processes import Processes
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.resources import Resources, check_room
from runjd.kernel.recorder.rulesets import Rulesets
from runjd.kernel.recorder.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def system_calls() -> list[str]:
    """Return the names of all methods that the real kernel's object has."""
    return [name for name in vars(FreeBSDKernel) if not name.startswith("_")]


class FreeBSDRecorder(FreeBSDKernel):
    """
    A machine.

    :param release: of FreeBSD.
    :param panics_on_files: a nullfs of a file over a file brings the kernel down, as that of 13.2.
    """

    def __init__(self, release: str = "13.2-RELEASE", panics_on_files: bool = True) -> None:
        #: what was asked, and where to fail
        self.journal = Journal()
        #: what a test may look at, and prepare
        self.state = State(release)
        self._panics_on_files = panics_on_files
        self._is_killed = False
        self._boot()

    def fork(self, command: str = "") -> int:
        """Return the pid of a child of ours, with our descriptors, jail and user; EAGAIN where a rule says so."""
        state, me = self.state, self.state.me
        check_room(state)
        child = state.start(command or me.command, me.pid)
        child.group, child.session, child.uid, child.jid = me.group, me.session, me.uid, me.jid
        child.root, child.directory, child.mask = me.root, me.directory, me.mask
        child.descriptors = dict(me.descriptors)
        child.no_new_privileges, child.terminal = me.no_new_privileges, me.terminal
        child.subtree = child.pid if me.is_reaper else me.subtree
        return child.pid

    @contextlib.contextmanager
    def acting_as(self, pid: int) -> Iterator[None]:
        """Make all calls within as another process."""
        before, self.state.me = self.state.me, self.state.processes[pid]
        try:
            yield
        finally:
            self.state.me = before

    def exec(self, pid: int, command: str) -> None:
        """Let a process become another program."""
        self.state.processes[pid].command = command
        for queue in self.state.queues:
            queue.tell_exec(pid)

    def exit(self, pid: int, status: int = 0) -> None:
        """Let a process end, with a status as wait(2) gives it."""
        life.end(self.state, self.state.processes[pid], status)

    def reap(self, pid: int) -> int:
        """Return the status of a zombie, which is gone then."""
        return life.reap(self.state, pid)

    def step_clock(self, seconds: float) -> None:
        """Set the clock; the boot time moves with it, and what is told of processes does not."""
        self.state.boot_time += round(seconds * 1_000_000)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.state.uptime += round(seconds * 1_000_000)

    def restart(self) -> None:
        """Go on as a new process with nothing open, after ours was killed; until then every call is in vain."""
        killed, self.state.me = self.state.me, self.state.start(self.state.me.command, self.state.init.pid)
        life.end(self.state, killed, life.SIGKILL)
        self._is_killed = False

    def reboot(self) -> None:
        """Start anew: only the disk is left, with its files, its modules, and what the boot loader sets."""
        before, self.state = self.state, State(self.state.release)
        self.state.boot_time = before.boot_time + before.uptime
        self.state.root.node.children.update(before.root.node.children)
        self.state.numbers.update(before.numbers)
        self.state.loadable = before.loadable | before.file_systems - self.state.file_systems
        self.state.loadable_modules = before.loadable_modules | before.modules - self.state.modules
        self._is_killed = False
        self._boot()

    def make_tree(self, *paths: str) -> None:
        """Make directories, with those above them, without a word in the journal."""
        for path in paths:
            parts = path.strip("/").split("/")
            for index in range(1, len(parts) + 1):
                name = "/" + "/".join(parts[:index])
                with contextlib.suppress(FileExistsError):
                    self._files.mkdir(name, 0o755)

    def make_file(self, path: str, content: bytes = b"") -> None:
        """Make a file without a word in the journal."""
        descriptor = self._files.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._files.write(descriptor, content)
        self._files.close(descriptor)

    def make_link(self, target: str, path: str) -> None:
        """Make a symbolic link without a word in the journal."""
        self._files.symlink(target, path)

    def load_file_system(self, name: str) -> None:
        """Have a file system that was not there."""
        self.state.file_systems.add(name)

    def _boot(self) -> None:
        state = self.state
        state.rulesets = rulesets.usual()
        paths = Paths(state)
        self._files = Files(state, paths)
        prisons = Prisons(state)
        parts = (
            Jails(state, paths, prisons),
            Mounts(state, paths, self._panics_on_files),
            Rulesets(state, self._files),
            Resources(state),
            Interfaces(state, prisons),
            Processes(state),
            Machine(state),
            self._files,
        )
        for name in system_calls():
            part = next(each for each in parts if hasattr(each, name))
            setattr(self, name, self._recorded(name, getattr(part, name)))

    def _recorded(self, name: str, carry_out: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            call = Call(name, tuple(map(_frozen, arguments)), tuple(sorted(options.items())))
            if self._is_killed:
                raise Killed("nothing that cleans up runs")
            try:
                self.journal.note(call)
            except Killed:
                self._is_killed = True
                raise
            if self.state.me.status is not None:
                raise refusal("ESRCH", "the process that calls has ended")
            return carry_out(*arguments, **options)

        return called


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) and type(value) in (list, tuple) else value
