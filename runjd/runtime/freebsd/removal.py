"""
Remove a jail of the kernel, and wait until it is gone.

jail_remove(2) kills its processes and returns before they are reaped; until then the
jail is dying, and holds its mounts and its network.  Who may reap them is the caller:
the keeper, or the parent of ``runj``; our own children among them are reaped here.
"""

from __future__ import annotations

import errno
import os
import time

from runjd.errors import RuntimeFailure
from runjd.kernel.freebsd.jail import JAIL_DYING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Held

#: seconds
_PATIENCE = 10.0
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05


class Removal:
    """
    Removes jails.

    :param sleep: and ``now``: as in :class:`runjd.runtime.freebsd.undoing.Undoing`.
    """

    def __init__(
        self,
        kernel: FreeBSDKernel,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kernel = kernel
        self._sleep = sleep
        self._now = now

    def find(self, held: Held) -> int:
        """Return the jid of the container's jail, 0 where it is gone or a stranger has its name."""
        for each in held.undo:
            if each.action == "jail":
                name, _, home = each.target.partition(" ")
                return self._jid_of(name, home)
        return 0

    def name_of(self, held: Held) -> str:
        """Return the name of the kernel's jail, empty where none was made."""
        return next((each.target.partition(" ")[0] for each in held.undo if each.action == "jail"), "")

    def remove(self, held: Held) -> None:
        """
        Take the jail's interfaces back, kill what is in it, and wait.

        :raise RuntimeFailure: a process does not die, or nobody reaps it.
        """
        jid = self.find(held)
        if not jid:
            return
        for each in reversed(held.undo):
            if each.action == "interface":
                self._reclaim(each.target.partition(" ")[0], jid)
        try:
            self._kernel.jail_remove(jid)
        except OSError as error:
            # somebody else was quicker
            if error.errno != errno.EINVAL:
                raise RuntimeFailure("remove the jail", error.strerror or "", errno=error.errno or 0) from error
        self._wait(jid)

    def _jid_of(self, name: str, home: str) -> int:
        try:
            found = self._kernel.jail_get((("name", name),), ("path",))
        except FileNotFoundError:
            return 0
        return int(str(found["jid"])) if os.path.normpath(str(found["path"])) == os.path.normpath(home) else 0

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
        deadline = self._now() + _PATIENCE
        pause = _FIRST_PAUSE
        while True:
            try:
                self._kernel.jail_get((("jid", jid),), (), JAIL_DYING)
            except FileNotFoundError:
                return
            if not self._members(jid):
                # only a descriptor that was made inside and is held outside keeps it: that is no process to wait for
                return
            if self._now() >= deadline:
                pids = " ".join(str(pid) for pid in self._members(jid))
                raise RuntimeFailure("remove the jail", f"processes are still there after {_PATIENCE:.0f} s: {pids}")
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _members(self, jid: int) -> list[int]:
        return [each.pid for each in self._kernel.processes() if each.jid == jid]
