"""
Remove a jail of the kernel, and wait until it is gone.

jail_remove(2) kills its processes and returns before they are reaped; until then the
jail is dying, and holds its mounts and its network.  Who may reap them is the caller:
the keeper, or the parent of ``runj``; our own children among them are reaped here.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure
from runjd.kernel.freebsd.jail import JAIL_DYING
from runjd.runtime.freebsd import holding
from runjd.runtime.freebsd.jails import told_jail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.kernel.freebsd.processes import KernelProcess
    from runjd.runtime.contract import Held
    from runjd.runtime.freebsd.patience import Patience

#: seconds
_PATIENCE = 10.0


class Removal:
    """Removes jails."""

    def __init__(self, kernel: FreeBSDKernel, patience: Patience) -> None:
        self._kernel = kernel
        self._patience = patience

    def find(self, held: Held) -> int:
        """Return the jid of the container's jail, 0 where it is gone or a stranger has its name."""
        name, home = told_jail(held)
        if not name:
            return 0
        try:
            found = self._kernel.jail_get((("name", name),), ("path",))
        except FileNotFoundError:
            return 0
        return int(str(found["jid"])) if holding.is_at(found["path"], home) else 0

    def remove(self, held: Held) -> None:
        """
        Take the jail's interfaces back, kill what is in it, and wait; also where somebody else removed it just now.

        :raise RuntimeFailure: a process does not die, or nobody reaps it.
        """
        jid = self.find(held)
        if jid:
            self._remove(jid, held)
        else:
            jid = self._find_dying(held)
        if jid:
            self._wait(jid)

    def _remove(self, jid: int, held: Held) -> None:
        for each in reversed(held.undo):
            if each.action == "interface":
                self._reclaim(each.target.partition(" ")[0], jid)
        try:
            holding.remove(self._kernel, jid, told_jail(held)[1])
        except OSError as error:
            # somebody else was quicker
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise RuntimeFailure("remove the jail", error.strerror or "", errno=error.errno or 0) from error

    def _find_dying(self, held: Held) -> int:
        """Return the jid of the container's jail where it is dying: its mounts are busy for as long as that takes."""
        if not held.jid:
            return 0
        try:
            found = self._kernel.jail_get((("jid", held.jid),), ("path", "dying"), JAIL_DYING)
        except FileNotFoundError:
            return 0
        return held.jid if found["dying"] and holding.is_at(found["path"], told_jail(held)[1]) else 0

    def _reclaim(self, interface: str, jid: int) -> None:
        """Take an interface back by its name; one that was renamed inside returns by itself when the jail is gone."""
        if interface in self._kernel.interface_names():
            return
        try:
            self._kernel.reclaim_from_jail(interface, jid)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise

    def _wait(self, jid: int) -> None:
        """Wait until the kernel has forgotten the jail."""
        members: list[KernelProcess] = []
        for _ in self._patience.attempts(_PATIENCE):
            try:
                self._kernel.jail_get((("jid", jid),), (), JAIL_DYING)
            except FileNotFoundError:
                return
            members = [each for each in self._kernel.processes() if each.jid == jid]
            if not members:
                # only a descriptor that was made inside and is held outside keeps it: that is no process to wait for
                return
            self._reap(members)
        pids = " ".join(str(each.pid) for each in members)
        raise RuntimeFailure("remove the jail", f"processes are still there after {_PATIENCE:.0f} s: {pids}")

    def _reap(self, members: list[KernelProcess]) -> None:
        """Reap our own children: nobody else can, and whoever waits for them is us."""
        ours = self._kernel.getpid()
        for each in members:
            if each.parent == ours and not each.alive:
                self._kernel.waitpid(each.pid, os.WNOHANG)
