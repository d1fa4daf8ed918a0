"""
Take mounts away, the busy ones after a while by force.

A mount is busy until the last process of the jail is reaped, and while anything is mounted
in it.  By force it goes at once, and what is mounted in it stays in the table where no
path leads (seen on 13.2): so nothing is forced while a stranger's mount is inside.
"""

from __future__ import annotations

import errno

from runjd.kernel.freebsd.mount import MNT_FORCE
from runjd.runtime.freebsd.jails import every_jail
from runjd.spec.lightjson import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.kernel.freebsd.mount import Mount
    from runjd.runtime.freebsd.patience import Patience

#: seconds that a busy mount is given before it is taken by force, and then again
_PATIENCE = 2.0


class Unmounting:
    """Takes mounts away by what was told of them before they were made."""

    def __init__(self, kernel: FreeBSDKernel, patience: Patience) -> None:
        self._kernel = kernel
        self._patience = patience

    def take_one(self, told: str) -> None:
        """
        Take away what was mounted last with this type and source on this path; nothing to do where it is gone.

        :param told: see :func:`runjd.runtime.freebsd.mounting.undo_mount`.
        """
        match loads(told):
            case [str(kind), str(source), str(path)]:
                wanted = (kind, source, path)
            case _:
                return
        found = [each for each in self._kernel.getfsstat() if (each.type, each.source, each.target) == wanted]
        if found:
            self._take(found[-1])

    def take_all_of_jail(self, told: str) -> None:
        """
        Take away what a jail mounted itself, the last first.

        While another jail lives in the same root nobody can tell whose they are, so they stay.

        :param told: see :func:`runjd.runtime.freebsd.mounting.undo_mounts_of_jail`.
        """
        match loads(told):
            case [str(path), [*kinds], [*before]]:
                known = [tuple(each) for each in before if isinstance(each, list)]
            case _:
                return
        found = [each for each in _inside(self._kernel.getfsstat(), path) if each.type in kinds]
        left = [each for each in found if each.fsid not in known]
        if left and all(each["path"] != path for each in every_jail(self._kernel, "path")):
            for each in reversed(left):
                self._take(each)

    def _take(self, mount: Mount) -> None:
        for force in (0, MNT_FORCE):
            for is_last in self._patience.attempts(_PATIENCE):
                try:
                    self._kernel.unmount_fsid(mount.fsid, force)
                except FileNotFoundError:
                    return
                except OSError as error:
                    if error.errno != errno.EBUSY or (force and is_last):
                        raise
                else:
                    return
            self._see_that_nothing_is_inside(mount)

    def _see_that_nothing_is_inside(self, mount: Mount) -> None:
        """Look at the mounts that came later: those before are covered by this one, and not in it."""
        mounts = self._kernel.getfsstat()
        number = next((number for number, each in enumerate(mounts) if each.fsid == mount.fsid), len(mounts))
        later = mounts[number + 1 :]
        inside = [each for each in later if each.target == mount.target] + _inside(later, mount.target)
        if inside:
            raise OSError(
                errno.EBUSY, f"{inside[-1].type} is mounted in it, on {inside[-1].target}; unmount that first"
            )


def _inside(mounts: list[Mount], path: str) -> list[Mount]:
    return [each for each in mounts if each.target.startswith(f"{path}/")]
