"""
Take back what a FreeBSD jail left on the host.

All of it was told before it was done, so any of it may not be there; after a reboot
nothing is but the files.  What is there and is not what was told stays: a jail that
has another root, a mount from another source, a file with another inode.
"""

from __future__ import annotations

import errno
import os
import time

from runjd.errors import RuntimeFailure
from runjd.kernel.freebsd.jail import JAIL_UPDATE
from runjd.kernel.freebsd.mount import MNT_FORCE
from runjd.runtime.undoing import undo_files
from runjd.spec.lightjson import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Held, Undo

#: seconds that a busy mount is given before it is taken by force; it is over when the last process is reaped
_PATIENCE = 2.0
_PAUSE = 0.02
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Undoing:
    """
    Takes things back, in reverse.

    :param sleep: and ``now``: wait between attempts, in seconds of a clock that only runs forward.
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

    def undo(self, held: Held) -> None:
        """
        Take everything back that is no longer needed once the jail is gone.

        :raise RuntimeFailure: something is still there; the rest was taken back.
        """
        failed: list[str] = []
        for each in reversed(held.undo):
            try:
                _TAKE_BACK.get(each.action, Undoing._nothing)(self, each, held)
            except OSError as error:
                failed.append(f"{each.action} {each.target}: {error.strerror}")
        undo_files(self._kernel, held.root, held.undo)
        if failed:
            raise RuntimeFailure("take back what the jail left on the host", "; ".join(failed))

    def _nothing(self, undo: Undo, held: Held) -> None:
        """Others take care of it: the jail is removed, files go last."""

    def _unmount(self, undo: Undo, held: Held) -> None:
        match loads(undo.target):
            case [str(kind), str(source), str(path)]:
                wanted = (kind, source, path)
            case _:
                return
        found = [each for each in self._kernel.getfsstat() if (each.type, each.source, each.target) == wanted]
        if not found:
            return
        fsid = found[-1].fsid
        deadline = self._now() + _PATIENCE
        while True:
            try:
                self._kernel.unmount_fsid(fsid, MNT_FORCE if self._now() >= deadline else 0)
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno != errno.EBUSY or self._now() >= deadline + _PATIENCE:
                    raise
                self._sleep(_PAUSE)
            else:
                return

    def _alias(self, undo: Undo, held: Held) -> None:
        interface, _, address = undo.target.partition(" ")
        try:
            self._kernel.remove_address(interface, address)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.ENXIO):
                raise

    def _rule(self, undo: Undo, held: Held) -> None:
        try:
            self._kernel.rctl_remove_rule(undo.target)
        except ProcessLookupError:
            pass
        except OSError as error:
            # the kernel does not account any more: it was booted without
            if error.errno != errno.ENOSYS:
                raise

    def _children(self, undo: Undo, held: Held) -> None:
        try:
            most = int(str(self._kernel.jail_get((("name", undo.target),), ("children.max",))["children.max"]))
            if most > 0:
                self._kernel.jail_set((("name", undo.target), ("children.max", most - 1)), JAIL_UPDATE)
        except FileNotFoundError:
            return

    def _restore(self, undo: Undo, held: Held) -> None:
        """Put back what a copied file took the place of."""
        here, name = self._open_above(held.root, undo.target)
        if here < 0:
            return
        try:
            self._kernel.rename(f".runjd-{held.id}-{name}", name, src_dir_fd=here, dst_dir_fd=here)
        except FileNotFoundError:
            return
        finally:
            self._kernel.close(here)

    def _remove(self, undo: Undo, held: Held) -> None:
        """Remove a copied file, if it still is the one that was made."""
        number, _, path = undo.target.partition(" ")
        here, name = self._open_above(held.root, path)
        if here < 0:
            return
        try:
            if str(self._kernel.stat(name, dir_fd=here, follow_symlinks=False).st_ino) == number:
                self._kernel.unlink(name, dir_fd=here)
        except FileNotFoundError:
            return
        finally:
            self._kernel.close(here)

    def _open_above(self, root: str, path: str) -> tuple[int, str]:
        """Return a descriptor of the directory that a path beneath the root is in, -1 where there is none; its name."""
        directory, _, name = path.lstrip("/").rpartition("/")
        here = -1
        try:
            here = self._kernel.open(root, _DIRECTORY)
            for part in directory.split("/") if directory else ():
                below = self._kernel.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                self._kernel.close(here)
                here = below
        except (FileNotFoundError, NotADirectoryError):
            if here >= 0:
                self._kernel.close(here)
            return -1, name
        return here, name


_TAKE_BACK: dict[str, Callable[[Undoing, Undo, Held], None]] = {
    "unmount": Undoing._unmount,
    "alias": Undoing._alias,
    "rctl": Undoing._rule,
    "children": Undoing._children,
    "restore": Undoing._restore,
    "remove": Undoing._remove,
}
