"""
Jails of Linux namespaces: the runtime for development, CI and small hosts.

One clone3(2) makes all namespaces; the child binds its root, mounts and pivots.
An exec process is forked into the pid namespace and enters the others by one
setns(2).  Needs root and Linux 5.12.
"""

from __future__ import annotations

import errno
import gc
import os

from runjd.errors import RunjdError, RuntimeFailure, WrongState
from runjd.kernel import namespaces as ns
from runjd.kernel import prctl, process
from runjd.kernel.capabilities import NUMBERS as CAPABILITIES
from runjd.kernel.linux import LinuxKernel
from runjd.runtime import devices, ending, linux_members, rights
from runjd.runtime.cgroup import freezing, removing
from runjd.runtime.cgroup.joining import Doors, recorded
from runjd.runtime.confinement import Confinement, confine, decode, encode, keeps, make_confinement
from runjd.runtime.contract import Runtime, Undo
from runjd.runtime.failing import failure
from runjd.runtime.linux_plan import joined_pid_namespace, make_plan, new_namespaces
from runjd.runtime.privileges import LinuxPrivileges, refuse_unknown
from runjd.runtime.refusals import refuse_process
from runjd.runtime.run import Runner
from runjd.runtime.undoing import undo_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held, Plan
    from runjd.spec.model import Config, Process

_HINT = "the plain runtime runs without isolation and needs no rights"
_ALL_BUT_PID = ns.CLONE_NEWNS | ns.CLONE_NEWUTS | ns.CLONE_NEWIPC | ns.CLONE_NEWNET | ns.CLONE_NEWCGROUP
_CANNOT_ENTER = 1
_KILL = 9
_OWN_PID_NAMESPACE = "/proc/self/ns/pid"


class LinuxRuntime(Runtime):
    """
    The runtime of Linux namespaces.

    :param kernel: what carries the steps out.
    :param uid: who we are.
    :param pivots: and ``new_keyring``: see :func:`runjd.runtime.choose.runtimes`.
    """

    name = "linux"
    isolated = True

    def __init__(
        self,
        kernel: LinuxKernel | None = None,
        uid: int | None = None,
        *,
        pivots: bool = True,
        new_keyring: bool = True,
    ) -> None:
        self._kernel = kernel or LinuxKernel()
        self._uid = os.geteuid() if uid is None else uid
        self._pivots = pivots
        # Made now: the child cannot import.
        self._privileges = LinuxPrivileges(new_keyring=new_keyring)
        self._confinement = Confinement()
        self._groups: tuple[str, ...] = ()

    def plan(self, config: Config, bundle: str, id: str, directory: str = "") -> Plan:
        return make_plan(config, bundle, id, pivots=self._pivots)

    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        self._need_root()
        self._confinement = make_confinement(plan.confinement)
        runner = Runner(self._kernel, made)
        runner.run(plan.host_steps)
        self._groups = runner.groups

    def confinement(self) -> bytes:
        return encode(self._confinement)

    def fork(self, plan: Plan) -> int:
        joined = joined_pid_namespace(plan)
        flags = new_namespaces(plan)
        try:
            if joined:
                namespace = os.open(joined, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    pid = self._fork_into(namespace, flags)
                finally:
                    os.close(namespace)
            else:
                pid = ns.clone_process(flags)
        except OSError as error:
            hint = _HINT if error.errno == errno.EPERM else ""
            raise failure("fork into new namespaces", error, "linux.namespaces", hint) from error
        if pid == 0:
            # A collection would touch, and so copy, all that the parent has.
            gc.disable()
        return pid

    def enter(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        # Others may be in a pid namespace that we joined: they shall not look into us.
        self._kernel.set_dumpable(0)
        before = self._kernel.umask(0)
        if "pid" not in plan.isolation:
            made(Undo("kill", linux_members.mount_namespace("self")))
        has_cgroup_namespace = any(each.partition("=")[0] == "cgroup" for each in plan.isolation)

        def run_hooks(root: int) -> None:
            self._kernel.umask(before)
            hooks(root)
            self._kernel.umask(0)

        Runner(self._kernel, made, has_cgroup_namespace, self._groups, run_hooks).run(plan.jail_steps)
        self._kernel.umask(before)

    def console(self, terminal: int) -> None:
        try:
            devices.bind_console(self._kernel, terminal)
        except OSError as error:
            raise failure("bind the terminal on /dev/console", error, "process.terminal") from error

    def become(self, process: Process) -> None:
        rights.become(process, self._privileges, keeps(self._confinement, process))

    def confine(self, process: Process) -> None:
        confine(self._confinement, process, self._privileges)

    def join(self, held: Held, process: Process, confinement: bytes) -> int:
        self._need_root()
        self._confinement = decode(confinement)
        refuse_process(process)
        refuse_unknown(process.capabilities, tuple(CAPABILITIES))
        pidfd = ending.open_process(held.pid, held.start_time) if _is_this_boot(held) else -1
        if pidfd < 0:
            raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id)
        try:
            doors = Doors(recorded(held.undo), held.pid)
        except RunjdError:
            os.close(pidfd)
            raise
        # From its first moment the child can be seen from inside: it must not be looked into.
        dumpable = prctl.get_dumpable()
        prctl.set_dumpable(0)
        try:
            pid = self._fork_into(pidfd, 0)
        except OSError as error:
            prctl.set_dumpable(dumpable)
            os.close(pidfd)
            doors.close()
            if error.errno == errno.ESRCH:
                raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id) from error
            raise failure(f'fork into "{held.id}"', error) from error
        if pid == 0:
            _enter_all(pidfd, process, doors)
        else:
            prctl.set_dumpable(dumpable)
        os.close(pidfd)
        doors.close()
        return pid

    def processes(self, held: Held) -> tuple[int, ...]:
        return tuple(pid for pid, _start in linux_members.members(held))

    def signal(self, held: Held, signum: int, everyone: bool) -> None:
        others = linux_members.members(held) if everyone else ()
        ending.signal_init(held, signum)
        for pid, start_time in others:
            if pid != held.pid:
                ending.signal_stranger(pid, start_time, signum)

    def remove(self, held: Held) -> None:
        groups = recorded(held.undo) if _is_this_boot(held) else ()
        if linux_members.has_own_pids(held):
            if groups and ending.signal_stranger(held.pid, held.start_time, _KILL):
                # with version 1 what is frozen does not die
                freezing.thaw(self._kernel, groups[0])
            ending.end_init(held)
        else:
            removing.kill_all(self._kernel, groups)
            ending.end(held, lambda: linux_members.members(held))
        if groups:
            removing.remove_groups(self._kernel, held.undo)
        undo_files(self._kernel, held.root, held.undo)

    def _need_root(self) -> None:
        if self._uid != 0:
            raise RuntimeFailure("make a jail", f"the linux runtime needs root; {_HINT}", "", errno.EPERM)

    def _fork_into(self, namespace: int, flags: int) -> int:
        """
        Fork a child into a pid namespace, and let our own later children be born in ours again.

        :param namespace: descriptor of its file, or of a process in it.
        """
        own = os.open(_OWN_PID_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            ns.set_namespace(namespace, ns.CLONE_NEWPID)
            try:
                pid = ns.clone_process(flags)
            except OSError:
                ns.set_namespace(own, ns.CLONE_NEWPID)
                raise
            if pid:
                ns.set_namespace(own, ns.CLONE_NEWPID)
        finally:
            os.close(own)
        return pid


def _enter_all(pidfd: int, process: Process, doors: Doors) -> None:
    """
    In the child of ``join``: enter the control groups and the other namespaces of a jail, and so its root.

    Whatever fails here ends the child, because nobody above it knows yet which of
    the two it is; its parent sees that it never reported.
    """
    try:
        doors.enter()
        rights.apply_oom_score(process.oom_score_adj)
        ns.set_namespace(pidfd, _ALL_BUT_PID)
    except BaseException:
        os._exit(_CANNOT_ENTER)


def _is_this_boot(held: Held) -> bool:
    return held.boot_id == process.boot_id()
