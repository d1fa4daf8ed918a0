"""
Mount beneath the root of a FreeBSD jail, and look where it landed.

What is about to be mounted is told first, so that it can be undone wherever we are
stopped.  nmount(2) follows links to its mount point, which a process of another jail on
the same files may exchange in the last moment: the table of mounts tells the real path,
and what is not where it should be is taken away by its own id, and is an error.
"""

from __future__ import annotations

import errno
import os

from runjd.runtime.contract import Undo
from runjd.spec.lightjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.kernel.freebsd.mount import Mount

#: what the kernel says where it means that something is not there
_NOT_FOUND = "Invalid fstype"


class Mounter:
    """
    Mounts, and keeps the books.

    :param made: told of each mount before it is made.
    """

    def __init__(self, kernel: FreeBSDKernel, made: Callable[[Undo], None]) -> None:
        self._kernel = kernel
        self._made = made

    def mount(self, kind: str, source: str, path: str, pairs: Sequence[tuple[str, str]] = ()) -> None:
        """
        Mount a file system.

        :param path: real and absolute.
        :raise OSError: with the kernel's words.
        """
        before = {each.fsid for each in self._kernel.getfsstat()}
        self._made(undo_mount(kind, source, path))
        options: list[tuple[str, str | bool]] = [("fstype", kind), ("fspath", path), ("from", source)]
        options += [(name, value or True) for name, value in pairs]
        try:
            self._kernel.nmount(options)
        except OSError as error:
            if error.errno == errno.EINVAL and error.strerror == _NOT_FOUND:
                reason = "the file system, its source or the mount point is not there"
                raise OSError(errno.EINVAL, reason, path) from None
            raise
        self._check(kind, source, path, [each for each in self._kernel.getfsstat() if each.fsid not in before])

    def mount_directory(self, source: str, path: str, pairs: Sequence[tuple[str, str]] = ()) -> None:
        """
        Mount a directory of the host: nullfs.

        :raise OSError: ELOOP where both are the same, which panics the kernel (seen on 13.2).
        """
        if os.path.samestat(self._kernel.stat(source), self._kernel.stat(path)):
            raise OSError(errno.ELOOP, "a directory cannot be mounted on itself", source)
        self.mount("nullfs", source, path, pairs)

    def _check(self, kind: str, source: str, path: str, new: Sequence[Mount]) -> None:
        ours = [each for each in new if (each.type, each.source) == (kind, source)]
        if any(each.target == path for each in ours):
            return
        for each in ours:
            self._kernel.unmount_fsid(each.fsid)
        raise OSError(errno.ESTALE, "the mount point was exchanged while it was used", path)


def undo_mount(kind: str, source: str, path: str) -> Undo:
    """Return what takes a mount away; see :mod:`runjd.runtime.freebsd.unmounting`."""
    return Undo("unmount", dumps([kind, source, path]))


def undo_mounts_of_jail(path: str, kinds: Sequence[str], mounts: Sequence[Mount]) -> Undo:
    """
    Return what takes away whatever a jail will mount itself, which stays when the jail is gone.

    :param path: real path of its root.
    :param kinds: the file systems that it may mount.
    :param mounts: those that there are; they are not the jail's.
    """
    before = [each.fsid for each in mounts if each.target.startswith(f"{path}/")]
    return Undo("mounts", dumps([path, list(kinds), before]))
