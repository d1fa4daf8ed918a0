"""
Take back what a FreeBSD jail left on the host.

All of it was told before it was done, so any of it may not be there; after a reboot
nothing is but the files.  What is there and is not what was told stays: a jail that
has another root, a mount from another source, a file with another inode.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure
from runjd.kernel.freebsd.jail import JAIL_UPDATE
from runjd.runtime.freebsd.jails import every_jail
from runjd.runtime.freebsd.unmounting import Unmounting
from runjd.runtime.undoing import undo_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Held, Undo
    from runjd.runtime.freebsd.patience import Patience

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Undoing:
    """Takes things back, in reverse."""

    def __init__(self, kernel: FreeBSDKernel, patience: Patience) -> None:
        self._kernel = kernel
        self._unmounting = Unmounting(kernel, patience)

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
        self._unmounting.take_one(undo.target)

    def _mounts(self, undo: Undo, held: Held) -> None:
        self._unmounting.take_all_of_jail(undo.target)

    def _alias(self, undo: Undo, held: Held) -> None:
        """Take an address away, unless another jail has it by now: then it stays for that."""
        interface, address, jail = undo.target.split(" ", 2)
        if address in self._addresses_of_others(jail, ":" in address):
            return
        try:
            self._kernel.remove_address(interface, address)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.ENXIO):
                raise

    def _addresses_of_others(self, jail: str, is_version_6: bool) -> set[str]:
        """Return the addresses that other jails have; those above a jail have what it has anyway."""
        wanted = "ip6.addr" if is_version_6 else "ip4.addr"
        found: set[str] = set()
        for each in every_jail(self._kernel, "name", wanted):
            if not f"{jail}.".startswith(f"{each['name']}."):
                found.update(each[wanted])  # type: ignore[arg-type]
        return found

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
        """Take the room for a child back; others may have been given room since."""
        added, _, parent = undo.target.partition(" ")
        most = self._most_children(parent)
        if most > 0:
            self._set_most_children(parent, max(most - int(added), 0))

    def _raising(self, undo: Undo, held: Held) -> None:
        """Do so where we were stopped before we could tell that the room was made."""
        before, after, parent = undo.target.split(" ", 2)
        was_told = any(each.action == "children" for each in held.undo)
        if not was_told and self._most_children(parent) == int(after):
            self._set_most_children(parent, int(before))

    def _set_most_children(self, jail: str, most: int) -> None:
        self._kernel.jail_set((("name", jail), ("children.max", most)), JAIL_UPDATE)

    def _most_children(self, jail: str) -> int:
        """Return how many children a jail may have, 0 where it is gone."""
        try:
            return int(str(self._kernel.jail_get((("name", jail),), ("children.max",))["children.max"]))
        except FileNotFoundError:
            return 0

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
    "mounts": Undoing._mounts,
    "alias": Undoing._alias,
    "rctl": Undoing._rule,
    "children": Undoing._children,
    "raising": Undoing._raising,
    "restore": Undoing._restore,
    "remove": Undoing._remove,
}
