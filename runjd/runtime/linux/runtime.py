"""
Jails of Linux namespaces: the runtime for development, CI and small hosts.

One clone3(2) makes all namespaces; the child binds its root, mounts and pivots.
An exec process enters them by one setns(2).

An exec process enters the pid namespace last of all: it has become what it shall
be, without a right, a descriptor or a mount that is not the jail's, before the first
in there can see it (CVE-2016-9962).  As a pid namespace is entered by later children
only, that is one more fork, of a child of the same parent.  An init process that joins
a pid namespace has to be in it to mount proc; until it has become what it shall be,
its capabilities and that it is not dumpable keep the others out.

Needs root and Linux 5.12.
"""

from __future__ import annotations

import errno
import gc
import os

from runjd.errors import RuntimeFailure, WrongState
from runjd.kernel import namespaces as ns
from runjd.kernel import prctl
from runjd.kernel.command_line import forget_command_line
from runjd.kernel.linux import LinuxKernel
from runjd.runtime import ending, rights
from runjd.runtime.contract import Runtime, Undo
from runjd.runtime.failing import failure
from runjd.runtime.linux import devices, members, run
from runjd.runtime.linux.affinity import Affinity
from runjd.runtime.linux.confinement import (
    Confinement,
    confine,
    confine_unseen,
    decode,
    encode,
    keeps,
    make_confinement,
)
from runjd.runtime.linux.granted import grant
from runjd.runtime.linux.plan import has_labels, joined_pid_namespace, make_plan, new_namespaces
from runjd.runtime.linux.warden import LinuxWarden
from runjd.runtime.privileges import LinuxPrivileges
from runjd.runtime.refusals import refuse_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held, Plan
    from runjd.runtime.linux.scope.making import Scopes
    from runjd.spec.model import Config, Process

_HINT = "the plain runtime runs without isolation and needs no rights"
_FULL = "the container has as many processes as linux.resources.pids.limit allows"
_OWN_PID_NAMESPACE = "/proc/self/ns/pid"
_TOLD = b"x"


class LinuxRuntime(LinuxWarden, Runtime):
    """
    The runtime of Linux namespaces.

    :param kernel: what carries the steps out.
    :param uid: who we are.
    :param scopes: has systemd make control groups, where it is to.
    :param pivots: and ``new_keyring``: see :func:`runjd.runtime.choose.runtimes`.
    """

    def __init__(
        self,
        kernel: LinuxKernel | None = None,
        uid: int | None = None,
        *,
        pivots: bool = True,
        new_keyring: bool = True,
        scopes: Scopes | None = None,
    ) -> None:
        self._kernel = kernel or LinuxKernel()
        super().__init__(self._kernel)
        self._uid = os.geteuid() if uid is None else uid
        self._pivots = pivots
        self._scopes = scopes
        # Made now: the child cannot import.
        self._privileges = LinuxPrivileges(new_keyring=new_keyring)
        # where jails keep what they share
        self._shared = ""
        self._confinement = Confinement()
        self._is_confined = False
        self._process: Process | None = None
        self._groups: tuple[str, ...] = ()
        # Our children are born among processes that we are not among ourselves.
        self._is_outside = False
        self._pipe = (-1, -1)
        # There are, or will be, others who see us and may have CAP_SYS_PTRACE.
        self._may_be_traced = False
        self._joined: Held | None = None

    def plan(self, config: Config, bundle: str, id: str, directory: str = "") -> Plan:
        self._shared = os.path.dirname(directory)
        plan = make_plan(config, bundle, id, pivots=self._pivots, scopes=self._scopes is not None)
        return plan._replace(notices=(*plan.notices, *[f"{id}: {each}" for each in self.notices(plan.process)]))

    def notices(self, process: Process) -> tuple[str, ...]:
        return grant(process.capabilities, self._privileges.available).notices

    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        self._need_root()
        self._confinement = make_confinement(plan.confinement, self._shared)
        rights.load_scheduling(plan.process)
        run.load(plan.jail_steps)
        runner = run.Runner(self._kernel, made, scopes=self._scopes)
        runner.run(plan.host_steps)
        self._groups = runner.groups

    def entered(self) -> None:
        if self._scopes is not None:
            self._scopes.release()

    def remove(self, held: Held) -> None:
        self.entered()
        super().remove(held)

    def confinement(self) -> bytes:
        return encode(self._confinement)

    def fork(self, plan: Plan) -> int:
        joined = joined_pid_namespace(plan)
        flags = new_namespaces(plan)
        try:
            pid = _fork_into(joined, flags) if joined else ns.clone_process(flags)
        except OSError as error:
            hint = _HINT if error.errno == errno.EPERM else ""
            raise failure("fork into new namespaces", error, "linux.namespaces", hint) from error
        if pid == 0:
            # A collection would touch, and so copy, all that the parent has.
            gc.disable()
        return pid

    def enter(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        self._hide()
        before = self._kernel.umask(0)
        self._may_be_traced = "pid" not in plan.isolation
        if self._may_be_traced:
            made(Undo("kill", members.mount_namespace("self")))
        has_cgroup_namespace = any(each.partition("=")[0] == "cgroup" for each in plan.isolation)

        def run_hooks(root: int) -> None:
            self._kernel.umask(before)
            hooks(root)
            self._kernel.umask(0)

        run.Runner(self._kernel, made, has_cgroup_namespace, self._groups, run_hooks).run(plan.jail_steps)
        self._kernel.umask(before)

    def embodies(self, plan: Plan) -> bool:
        return "pid" in plan.isolation

    def embody(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        try:
            self._kernel.unshare(new_namespaces(plan) & ~ns.CLONE_NEWPID)
        except OSError as error:
            raise failure("make new namespaces", error, "linux.namespaces") from error
        self.enter(plan, made, hooks)

    def console(self, terminal: int) -> None:
        try:
            devices.bind_console(self._kernel, terminal)
        except OSError as error:
            raise failure("bind the terminal on /dev/console", error, "process.terminal") from error

    def become(self, process: Process) -> None:
        rights.become(process, self._privileges, keeps(self._confinement, process))
        self._process = process
        if self._may_be_traced and not self._is_outside:
            self._confine_unseen()
        # A change of user may have made us dumpable again (fs.suid_dumpable).
        self._kernel.set_dumpable(0)

    def appear(self, tell: Callable[[int], None]) -> bool:
        if not self._is_outside:
            return False
        if self._may_be_traced:
            self._confine_unseen()
        told, telling = self._pipe
        try:
            pid = ns.clone_process(ns.CLONE_PARENT)
        except OSError as error:
            hint = _FULL if error.errno == errno.EAGAIN else ""
            raise failure("fork into the pid namespace", error, "linux.namespaces", hint) from error
        if pid:
            tell(pid)
            os.write(telling, _TOLD)
            os._exit(0)
        os.close(telling)
        if os.read(told, 1) != _TOLD:
            # the one that we come from was killed, and nobody knows of us
            os._exit(1)
        os.close(told)
        return True

    def confine(self, process: Process) -> None:
        if not self._is_confined:
            confine(self._confinement, process, self._privileges)

    def join(self, held: Held, process: Process, confinement: bytes) -> None:
        # for the child, which cannot import
        from runjd.runtime.linux import entering  # noqa: F401

        self._need_root()
        self._confinement = decode(confinement)
        refuse_process(process)
        self._check_modules(process)
        # The child opens its own, as all but its streams are closed in it; this one loads what it needs for that.
        pidfd = ending.open_process(held.pid, held.start_time) if ending.is_of_this_boot(held) else -1
        if pidfd < 0:
            raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id)
        os.close(pidfd)
        self._joined = held
        rights.load_scheduling(process)

    def fork_joined(self) -> int:
        try:
            pid = ns.clone_process(0)
        except OSError as error:
            raise failure("fork for a jail", error) from error
        if pid == 0:
            gc.disable()
        return pid

    def enter_joined(self, process: Process) -> None:
        from runjd.runtime.linux import entering

        held = self._joined
        if held is None:
            raise RuntimeFailure("enter a jail", "none was joined; this is a bug of runjd")
        self._hide()
        affinity = Affinity(process.exec_cpu_affinity)
        affinity.begin()
        self._may_be_traced = entering.enter(held, process, self._label)
        affinity.end()
        # for appear(), when the limits of the process may forbid it
        self._pipe = os.pipe()
        self._is_outside = True

    def _check_modules(self, process: Process) -> None:
        """See that the host has what labels a process, and load what the child needs for it."""
        if has_labels(process):
            from runjd.runtime.linux import labels

            for step in labels.module_steps(process):
                labels.check_module(self._kernel, step)

    def _label(self, process: Process) -> None:
        if has_labels(process):
            from runjd.runtime.linux import labels

            labels.label_process(self._kernel, process)

    def _need_root(self) -> None:
        if self._uid != 0:
            raise RuntimeFailure("make a jail", f"the linux runtime needs root; {_HINT}", "", errno.EPERM)

    def _confine_unseen(self) -> None:
        """Confine ourselves now, if those whom we shall be among could make use of what it takes to do it later."""
        assert self._process is not None
        sets = grant(self._process.capabilities, self._privileges.available).sets
        self._is_confined = confine_unseen(self._confinement, self._process, self._privileges, sets)

    def _hide(self) -> None:
        """Let nobody look into us from now on, nor see how we were started."""
        self._kernel.set_dumpable(0)
        forget_command_line()


def _fork_into(file: str, flags: int) -> int:
    """Fork a child into a pid namespace that others live in; our own later children are born in ours again."""
    namespace = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    own = os.open(_OWN_PID_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    # From its first moment the child can be seen: it must not be looked into.
    dumpable = prctl.get_dumpable()
    prctl.set_dumpable(0)
    pid = -1
    try:
        ns.set_namespace(namespace, ns.CLONE_NEWPID)
        try:
            pid = ns.clone_process(flags)
        finally:
            if pid:
                ns.set_namespace(own, ns.CLONE_NEWPID)
    finally:
        if pid:
            prctl.set_dumpable(dumpable)
        os.close(own)
        os.close(namespace)
    return pid
