"""
No isolation: a jail is a session of ordinary processes on the host.

For a host where nothing else works, for users without rights and for
development.  It says so at every start, and refuses what it cannot do.

Root on Linux gathers them in a control group, where that can be made: then none is
lost sight of, whatever its parents and its session are.  Elsewhere those are a jail's
that descend from its init process or are in its session; what an exec process leaves
running when it ends is nobody's.
"""

from __future__ import annotations

import os
import sys

from runjd.errors import SpecError, Unsupported, WrongState
from runjd.kernel import process as processes_of
from runjd.kernel.files import Files
from runjd.runtime import ending, rights
from runjd.runtime.contract import Plan, Runtime
from runjd.runtime.linux.cgroup.record import recorded
from runjd.runtime.linux.granted import grant
from runjd.runtime.privileges import LinuxPrivileges, Privileges, UserPrivileges
from runjd.runtime.refusals import refuse, refuse_effects, refuse_process, refuse_resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held, Undo
    from runjd.spec.model import Config, Process

_WITHOUT = "runs without isolation: the plain runtime shows it the whole host"


class PlainRuntime(Runtime):
    """
    The runtime without isolation.

    :param uid: who we are; an ordinary user can run jails as himself only.
    :param new_keyring: False: a program has the session keyring that we were started in.
    :param gathers: False: no control groups are made, even where they could be.
    """

    name = "plain"
    isolated = False

    def __init__(self, uid: int | None = None, *, new_keyring: bool = True, gathers: bool = True) -> None:
        self._uid = os.geteuid() if uid is None else uid
        self._new_keyring = new_keyring
        self._privileges: Privileges | None = None
        self._gathers = gathers and self._uid == 0 and sys.platform == "linux"
        self._groups: tuple[str, ...] = ()
        self._joined: Held | None = None

    def plan(self, config: Config, bundle: str, id: str, directory: str = "") -> Plan:
        if config.process is None:
            raise SpecError("process", "is missing: there is nothing to run")
        refuse(config)
        refuse_resources(config)
        refuse_effects(config.process)
        _refuse_effects(config)
        self._refuse_user(config.process)
        notices = [f"{id}: {_WITHOUT}"]
        if self._uid != 0 and config.process.user.uid == 0:
            notices.append(f"{id}: runs as user {self._uid} instead of 0")
        notices += [f"{id}: {each}" for each in self.notices(config.process)]
        return Plan("plain", id, "", config.process, notices=tuple(notices))

    def notices(self, process: Process) -> tuple[str, ...]:
        available = self._load().available
        return grant(process.capabilities, available).notices if available else ()

    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        self._load()
        if self._gathers:
            from runjd.runtime.linux.cgroup.gathering import make_group

            self._groups = make_group(Files(), plan.id, made)

    def fork(self, plan: Plan) -> int:
        return os.fork()

    def enter(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        # The session is what keeps the processes of a jail together here.
        if os.getsid(0) != os.getpid():
            os.setsid()
        if self._groups:
            # loaded when it was made
            from runjd.runtime.linux.cgroup.gathering import enter_group

            enter_group(Files(), self._groups)
        hooks(-1)

    def become(self, process: Process) -> None:
        rights.apply_oom_score(process.oom_score_adj)
        take_on = rights.become if self._uid == 0 else rights.become_ourselves
        take_on(process, self._load())

    def join(self, held: Held, process: Process, confinement: bytes) -> None:
        refuse_process(process)
        refuse_effects(process)
        self._refuse_user(process)
        if not ending.is_running(held):
            raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id)
        self._load()
        self._joined = held
        if recorded(held.undo):
            # for the child, which cannot import
            from runjd.runtime.linux.cgroup import gathering  # noqa: F401

    def enter_joined(self, process: Process) -> None:
        if self._joined is not None and recorded(self._joined.undo):
            from runjd.runtime.linux.cgroup.gathering import join_group

            join_group(self._joined)

    def processes(self, held: Held) -> tuple[int, ...]:
        return tuple(each.pid for each in _members(held))

    def signal(self, held: Held, signum: int, everyone: bool) -> None:
        ending.signal_init(held, signum)
        if everyone:
            for each in _members(held):
                if each.pid != held.pid:
                    ending.signal_stranger(each.pid, each.start_time, signum)

    def signal_rest(self, held: Held, signum: int) -> None:
        for each in _members(held):
            ending.signal_stranger(each.pid, each.start_time, signum)

    def remove(self, held: Held) -> None:
        groups = recorded(held.undo) if ending.is_of_this_boot(held) else ()
        if groups:
            from runjd.runtime.linux.cgroup.removing import kill_all, remove_groups

            kill_all(Files(), groups)
        ending.end(held, lambda: [(each.pid, each.start_time) for each in _members(held)])
        if groups:
            remove_groups(Files(), held.undo)

    def _load(self) -> Privileges:
        """Return what can give up rights; first called before a fork, as the child imports nothing."""
        if self._privileges is None:
            if sys.platform.startswith("freebsd"):
                from runjd.kernel.freebsd.kernel import FreeBSDKernel
                from runjd.runtime.freebsd.privileges import FreeBSDPrivileges

                self._privileges = FreeBSDPrivileges(FreeBSDKernel())
            elif sys.platform != "linux":
                self._privileges = Privileges()
            else:
                self._privileges = (
                    LinuxPrivileges(new_keyring=self._new_keyring) if self._uid == 0 else UserPrivileges()
                )
        return self._privileges

    def _refuse_user(self, process: Process) -> None:
        uid = process.user.uid
        if self._uid != 0 and uid not in (0, self._uid):
            raise Unsupported("process.user.uid", f"user {self._uid} cannot run a jail as user {uid}; root can")


def _refuse_effects(config: Config) -> None:
    """
    Refuse what a program would miss, or would do to the host instead.

    What only hides the host (namespaces, masked paths, the root itself) is covered
    by the notice; a mount that is not there is not: what the program writes below
    it would go to the host's files of that name.
    """
    linux = config.linux
    asked = {
        "mounts[0]": config.mounts,
        "hostname": config.hostname,
        "domainname": config.domainname,
        "linux.devices[0]": linux and linux.devices,
        "linux.sysctl": linux and linux.sysctl,
        "linux.seccomp": linux and linux.seccomp,
        "linux.mountLabel": linux and linux.mount_label,
        "linux.personality": linux and linux.personality,
        "linux.timeOffsets": linux and linux.time_offsets,
        "linux.rootfsPropagation": linux and linux.rootfs_propagation,
        "freebsd.devices[0]": config.freebsd and config.freebsd.devices,
    }
    for path, value in asked.items():
        if value:
            raise Unsupported(path, "the plain runtime, which has no isolation, cannot apply it")


def _gathered(held: Held) -> set[int]:
    if not recorded(held.undo):
        return set()
    from runjd.runtime.linux.cgroup.gathering import gathered

    return gathered(Files(), held.undo)


def _members(held: Held) -> list[processes_of.Seen]:
    """
    Return the live processes of a jail: its init process, all of its session and its group, and their descendants.

    A pid is not given away while it names a session; what started before the
    init process is nobody of ours.
    """
    if held.pid <= 1 or held.boot_id != processes_of.boot_id():
        # 0: there is no init process; as a session it would be that of kernel threads
        return []
    everyone = [each for each in processes_of.everyone() if each.start_time >= held.start_time]
    by_pid = {each.pid: each for each in everyone}
    ours = _gathered(held) & by_pid.keys()
    leader = by_pid.get(held.pid)
    if leader is None or leader.start_time == held.start_time:
        ours |= {each.pid for each in everyone if each.pid == held.pid or each.session == held.pid}
    grown = True
    while grown:
        found = {each.pid for each in everyone if each.parent in ours} - ours
        ours |= found
        grown = bool(found)
    return [by_pid[pid] for pid in sorted(ours) if by_pid[pid].alive]
