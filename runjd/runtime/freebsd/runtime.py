"""
Jails of FreeBSD: the runtime this is all about.

The jail is made on the host, with its mounts, limits and interfaces; the init process is
forked and enters it by jail_attach(2), and so does every exec process.  Needs root.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from runjd.errors import RuntimeFailure, Unsupported, WrongState
from runjd.kernel.freebsd.kernel import FreeBSDKernel
from runjd.runtime import rights
from runjd.runtime.contract import Runtime
from runjd.runtime.failing import failure
from runjd.runtime.freebsd import holding
from runjd.runtime.freebsd.jails import name_of, told_jail
from runjd.runtime.freebsd.limit_change import LimitChange
from runjd.runtime.freebsd.limits import RACCT_ADVICE
from runjd.runtime.freebsd.patience import Patience
from runjd.runtime.freebsd.plan import make_plan, refuse_process
from runjd.runtime.freebsd.privileges import FreeBSDPrivileges
from runjd.runtime.freebsd.removal import Removal
from runjd.runtime.freebsd.rlimits import cut_limits
from runjd.runtime.freebsd.run import Runner
from runjd.runtime.freebsd.undoing import Undoing
from runjd.runtime.freebsd.usage import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.runtime.contract import Held, Plan, Undo
    from runjd.spec.model import Config, FreeBSDJail, Process
    from runjd.spec.resources import Resources

_KILL = 9
_PROTECTED = -1000
#: descriptors that a caller passes on are among these
_FEW = 256


class FreeBSDRuntime(Runtime):
    """
    The runtime of FreeBSD jails.

    :param kernel: what carries the steps out.
    :param read_extension: returns what a bundle's ``runj.ext.json`` says, None where there is none.
    :param uid: who we are.
    :param fork: os.fork.
    :param sleep: and ``now``: wait for what ends, in seconds of a clock that only runs forward.
    """

    name = "freebsd"
    isolated = True

    def __init__(
        self,
        read_extension: Callable[[str], FreeBSDJail | None],
        kernel: FreeBSDKernel | None = None,
        uid: int | None = None,
        fork: Callable[[], int] = os.fork,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_extension = read_extension
        self._kernel = kernel or FreeBSDKernel()
        self._uid = os.geteuid() if uid is None else uid
        self._fork = fork
        self._patience = patience = Patience(sleep, now)
        self._removal = Removal(self._kernel, patience)
        self._undoing = Undoing(self._kernel, patience)
        self._change = LimitChange(self._kernel, self._removal)
        # Made now: the child cannot import.
        self._privileges = FreeBSDPrivileges(self._kernel)
        self._jid = 0
        self._home = ""

    def plan(self, config: Config, bundle: str, id: str, directory: str = "") -> Plan:
        made = make_plan(config, bundle, id, f"{directory}/root", self._read_extension(bundle))
        return made._replace(notices=(*made.notices, *[f"{id}: {each}" for each in self.notices(made.process)]))

    def notices(self, process: Process) -> tuple[str, ...]:
        return tuple(cut_limits(self._kernel, process))

    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        self._need_root()
        runner = Runner(self._kernel, self._patience, plan.id, plan.root, made)
        runner.run(plan.host_steps)
        self._jid = runner.jid

    def jid(self) -> int:
        return self._jid

    def fork(self, plan: Plan) -> int:
        return self._fork()

    def enter(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        root = self._kernel.open(plan.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            hooks(root)
        finally:
            # no directory may be open when the jail is entered
            self._kernel.close(root)
        self._protect(plan.process)
        self._attach("")

    def become(self, process: Process) -> None:
        rights.become(process, self._privileges)

    def join(self, held: Held, process: Process, confinement: bytes) -> None:
        self._need_root()
        refuse_process(process)
        jid = self._removal.find(held)
        if not jid:
            raise WrongState(f'the jail of "{held.id}" is gone', jail=held.id)
        # for the child, which enters later
        self._jid, self._home = jid, told_jail(held)[1]

    def fork_joined(self) -> int:
        return self._fork()

    def enter_joined(self, process: Process) -> None:
        self._protect(process)
        self._attach(self._home)

    def processes(self, held: Held) -> tuple[int, ...]:
        jid = self._removal.find(held)
        found = [each.pid for each in self._kernel.processes() if jid and each.jid == jid and each.alive]
        return tuple(sorted(found, key=lambda pid: (pid != held.pid, pid)))

    def signal(self, held: Held, signum: int, everyone: bool) -> None:
        seen = self._kernel.process(held.pid) if held.pid > 1 else None
        if seen is None or seen.start_time != held.start_time or not seen.alive:
            raise WrongState(f'the init process of "{held.id}" is gone', jail=held.id)
        self._signal_all(self.processes(held) if everyone else (held.pid,), signum)

    def signal_rest(self, held: Held, signum: int) -> None:
        self._signal_all(self.processes(held), signum)

    def update(self, held: Held, resources: Resources, made: Callable[[Undo], None]) -> None:
        self._change.apply(held, resources, made)

    def usage(self, held: Held) -> dict[str, object]:
        try:
            return usage(self._kernel, name_of(held))
        except OSError as error:
            if error.errno == errno.ENOSYS:
                raise Unsupported("", f"measuring a jail needs resource accounting: {RACCT_ADVICE}") from None
            raise failure("measure the jail", error) from error

    def remove(self, held: Held) -> None:
        self._removal.remove(held)
        self._undoing.undo(held)

    def _signal_all(self, pids: Sequence[int], signum: int) -> None:
        for pid in pids:
            try:
                self._kernel.kill(pid, signum)
            except ProcessLookupError:
                continue

    def _need_root(self) -> None:
        if self._uid != 0:
            raise RuntimeFailure("make a jail", "the freebsd runtime needs root", "", 1)

    def _protect(self, process: Process) -> None:
        """Spare the process when memory is short; only from outside of the jail."""
        if process.oom_score_adj == _PROTECTED:
            try:
                self._kernel.protect(self._kernel.getpid(), True)
            except OSError as error:
                raise failure("protect the process", error, "process.oomScoreAdj") from error

    def _attach(self, home: str) -> None:
        try:
            holding.enter(self._kernel, self._jid, home)
        except OSError as error:
            number = self._open_directory() if error.errno == errno.EPERM else -1
            hint = f"descriptor {number} is a directory, with which nobody may enter" if number >= 0 else ""
            raise failure("enter the jail", error, hint=hint) from error

    def _open_directory(self) -> int:
        """Return the first descriptor that is a directory, which only our caller can have passed on; -1 for none."""
        for number in range(_FEW):
            try:
                if stat.S_ISDIR(self._kernel.fstat(number).st_mode):
                    return number
            except OSError:
                continue
        return -1
