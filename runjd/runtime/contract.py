"""
What every runtime can do: the kernel's part of the OCI operations.

A runtime turns a parsed bundle into a plan (pure values), and carries a plan
out in two places: ``prepare`` on the host, before the fork, and ``enter`` in
the child.  What either leaves on the host is told as :class:`Undo` values,
which the state store records, so that any later process can undo it.

Standard library only: the keeper and ``runj`` import this.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from runjd.errors import Unsupported
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.spec.model import Config, Process
    from runjd.spec.resources import Resources


class Undo(Value):
    """
    One thing to take back: ``action`` on ``target``.

    Actions are the runtime's own words (``unmount``, ``rmdir``, ``unlink``,
    ``jail_remove``...); a target is never followed through a symbolic link.
    """

    action: str
    target: str


class Plan(Value):
    """
    All that will be done to make one jail; two equal plans make equal jails.

    :ivar root: absolute path of the root on the host; empty where the runtime
        does not change it.
    :ivar host_steps: carried out on the host before the fork.
    :ivar jail_steps: carried out by the child, once it is in its isolation.
    :ivar confinement: carried out by every process of the jail, right before it
        executes its program.
    :ivar notices: what the operator must be told, as "runs without isolation".
    """

    runtime: str
    id: str
    root: str
    process: Process
    host_steps: tuple[object, ...] = ()
    jail_steps: tuple[object, ...] = ()
    isolation: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    confinement: tuple[object, ...] = ()


class Held(Value):
    """A jail that exists: its init process by identity, and what the plan left on the host."""

    id: str
    pid: int
    start_time: int
    boot_id: str
    root: str
    undo: tuple[Undo, ...] = ()
    jid: int = 0


class MemoryWatch(ABC):
    """Tells when a jail ran out of memory; poll(2) its descriptor for ``events``, then ask ``killed``."""

    #: what to poll for
    events: int

    @abstractmethod
    def fileno(self) -> int:
        """Return the descriptor."""

    @abstractmethod
    def killed(self) -> bool:
        """Whether a process was killed since the last call, because the memory of the jail was used up."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


class Warden(ABC):
    """
    The kernel's part of kill, pause, update and delete: what is done to a jail that exists, from outside.

    It is a part of each runtime, and loads less than the whole.  Every method may raise
    :class:`runjd.errors.RuntimeFailure` that names the step and the errno.
    """

    name: str
    #: False: processes see the host; told at every start
    isolated: bool

    @abstractmethod
    def processes(self, held: Held) -> tuple[int, ...]:
        """Return the pids (the host's) of all processes of the jail."""

    @abstractmethod
    def signal(self, held: Held, signum: int, everyone: bool) -> None:
        """
        Signal the init process or everyone; never a stranger that has the pid now.

        :raise WrongState: the init process is gone.
        """

    @abstractmethod
    def signal_rest(self, held: Held, signum: int) -> None:
        """Signal whoever is left of a jail whose init process is gone; that may be nobody."""

    @abstractmethod
    def remove(self, held: Held) -> None:
        """Kill whatever is left and undo everything, in reverse; nothing to do is no error."""

    def pause(self, held: Held, made: Callable[[Undo], None]) -> None:
        """
        Stop every process of the jail, and return when all are stopped.

        :param made: told of what this makes on the host, before it is there.
        :raise Unsupported: this runtime cannot.
        """
        raise self._unable("pausing a container")

    def resume(self, held: Held) -> None:
        """
        Let the processes of a paused jail go on.

        :raise Unsupported: this runtime cannot.
        """
        raise self._unable("resuming a container")

    def is_paused(self, held: Held) -> bool:
        """Whether the processes of the jail are stopped by ``pause``."""
        return False

    def update(self, held: Held, resources: Resources, made: Callable[[Undo], None]) -> None:
        """
        Let other limits hold for the jail; those of devices stay.

        :param resources: all of its limits, not only those that change.
        :param made: told of what this makes on the host, before it is there.
        :raise RunjdError: naming the property that cannot be applied; all limits are as they were.
        """
        raise self._unable("changing the limits of a container")

    def usage(self, held: Held) -> dict[str, object]:
        """
        Return what the jail uses, as JSON values in the form of runc's statistics.

        :raise Unsupported: this runtime does not know.
        """
        raise self._unable("measuring a container")

    def watch_memory(self, held: Held) -> MemoryWatch:
        """
        Return what tells when the jail ran out of memory.

        :raise Unsupported: this runtime does not know.
        """
        raise self._unable("watching the memory of a container")

    def _unable(self, what: str) -> Unsupported:
        return Unsupported("", f"{what} is not supported on the {self.name} runtime")


class Runtime(Warden):
    """
    The kernel's part of create, exec, kill and delete.

    Every method may raise :class:`runjd.errors.RuntimeFailure` that names the
    step, the JSON path and the errno.
    """

    @abstractmethod
    def plan(self, config: Config, bundle: str, id: str, directory: str = "") -> Plan:
        """
        Return the steps that make a jail of a parsed bundle; touches nothing.

        :param bundle: absolute path of the bundle.
        :param directory: absolute path of a directory of ours, where the jail's own files may be kept;
            what jails share is kept beside it, by names that start with a dot, as no jail's does.
        :raise Unsupported: a property is asked for that this runtime cannot apply.
        :raise SpecError: a property makes no sense to this runtime.
        """

    def notices(self, process: Process) -> tuple[str, ...]:
        """Return what of a process this host cannot grant and is no error, for the operator."""
        return ()

    @abstractmethod
    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        """
        Carry out the host steps; call ``made`` for each thing to undo, as soon as it is there.

        Better before that: who is killed in between leaves what is not on record. Where
        ``made`` raises, the thing is taken back at once.
        """

    def jid(self) -> int:
        """Return the jid of the jail that was prepared; 0 where the kernel knows none."""
        return 0

    def confinement(self) -> bytes:
        """Return what ``join`` has to be told of the jail that was prepared; to be kept with it. Empty for nothing."""
        return b""

    @abstractmethod
    def fork(self, plan: Plan) -> int:
        """Fork the init process: its pid in the parent, 0 in the child, which has no isolation but what fork gives."""

    @abstractmethod
    def enter(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        """
        In the child: become isolated and carry out the jail steps; afterwards ``/`` is the root of the jail.

        :param hooks: to be called once, when everything is mounted, and names still
            mean what they mean on the host; takes a descriptor of the root of the jail,
            -1 where that is the host's.
        """

    def entered(self) -> None:
        """In the parent, when the child has entered: let go of what stood in for it."""

    def embodies(self, plan: Plan) -> bool:
        """Whether the first process of a new pid namespace can become the init process itself, by ``embody``."""
        return False

    def embody(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        """In that process, in place of ``fork``: make the other namespaces, and ``enter``."""
        raise self._unable("to become the init process of a container")

    def console(self, terminal: int) -> None:
        """
        In the child, after ``enter``: let ``/dev/console`` of the jail be its terminal.

        :param terminal: descriptor of the slave side of the pty.
        """

    @abstractmethod
    def become(self, process: Process) -> None:
        """In the child: take on oom score, limits, capabilities, groups, ids, no_new_privs, umask."""

    def confine(self, process: Process) -> None:
        """
        In the child, right before execve: take on what would forbid it its own last steps.

        Whatever is done afterwards may be refused, or end the child.
        """

    def appear(self, tell: Callable[[int], None]) -> bool:
        """
        In the child, after ``become``: show up among the processes of the jail, where they could see it.

        :param tell: told of the pid of who goes on, where that is another process.
        :return: True in another process than before, a child of the same parent; the one before is about to end.
        """
        return False

    @abstractmethod
    def join(self, held: Held, process: Process, confinement: bytes) -> None:
        """
        See that a process can join the jail, and load what it will need for that.

        :param confinement: what ``confinement`` returned when the jail was made.
        :raise WrongState: the init process is gone.
        """

    def fork_joined(self) -> int:
        """After ``join``: fork a child of ours that is to enter: its pid in the parent, 0 in the child."""
        return os.fork()

    def enter_joined(self, process: Process) -> None:
        """
        Enter the jail that was joined: in the child, or in whoever joined if he himself becomes the process.

        He has let go of all descriptors but those of the process. Afterwards ``/`` is the root of the jail.

        :raise WrongState: the init process is gone.
        """
