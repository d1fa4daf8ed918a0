"""
Names beneath the root of a jail, which its image chose.

Every symbolic link in it is taken as hostile: a name is followed as if the root
were ``/``, in one system call (openat2(2)), and what is used afterwards is the
descriptor, never the name again.
"""

from __future__ import annotations

import errno
import os
import stat

from runjd.errors import RuntimeFailure
from runjd.kernel.statfs import PROC_SUPER_MAGIC, SYSFS_MAGIC
from runjd.runtime import undoing
from runjd.runtime.contract import Undo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.linux import LinuxKernel

_ABSENT = (errno.ENOENT, errno.ENOTDIR)
_MOST_LINKS = 40
_PROC = "/proc"
#: what LXCFS and the like show in their own way, and nobody relies on for its safety
_HARMLESS = frozenset(
    f"{_PROC}/{name}" for name in ("cpuinfo", "diskstats", "loadavg", "meminfo", "slabinfo", "stat", "swaps", "uptime")
)
_PATH_ONLY = os.O_PATH | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Beneath:
    """
    The files beneath one root.

    :param root: descriptor of the root; the caller's.
    :param made: told of what is made on the file system of the root, which outlasts the jail.
    """

    def __init__(self, kernel: LinuxKernel, root: int, made: Callable[[Undo], None]) -> None:
        self._kernel = kernel
        self._root = root
        self._made = made
        self._device = kernel.fstat(root).st_dev

    def find(self, path: str) -> int:
        """Return an O_PATH descriptor of an absolute path of the jail, -1 where there is none."""
        try:
            return self._kernel.open_in_root(self._root, path[1:])
        except OSError as error:
            if error.errno in _ABSENT:
                return -1
            raise

    def mount_point(self, path: str, is_directory: bool, straight: bool = False, is_proc: bool = False) -> int:
        """
        Return an O_PATH descriptor of where to mount, made where it is missing.

        :param straight: symbolic links are refused, as for /proc, whose place others rely on.
        :param is_proc: what is to be mounted says what the kernel says.
        :raise RuntimeFailure: it is a place where a mount would fake what the kernel says, as a volume of
            the image at /proc, or symbolic links that lead into /proc or /sys.
        """
        name = path[1:]
        is_linked = False
        try:
            found = self._kernel.open_beneath(self._root, name)
        except OSError as error:
            if error.errno in _ABSENT:
                found = self._make_last(name, is_directory)
            elif straight or error.errno not in (errno.ELOOP, errno.EXDEV):
                raise
            else:
                found, is_linked = self._through_links(name, is_directory), True
        try:
            if not is_proc:
                self._check_place(path, found, is_linked)
        except BaseException:
            self._kernel.close(found)
            raise
        return found

    def directory(self, path: str) -> int:
        """Return an O_PATH descriptor of a directory, made where it is missing."""
        found = self.mount_point(path, True) if path != "/" else self._kernel.open_beneath(self._root, "")
        if not stat.S_ISDIR(self._kernel.fstat(found).st_mode):
            self._kernel.close(found)
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return found

    def outlasts(self, directory: int) -> bool:
        """Whether what is made in a directory is still there when the jail is gone."""
        return self._kernel.fstat(directory).st_dev == self._device

    def announce(self, action: str, directory: int, name: str) -> None:
        """Tell of a thing that is about to be made, as we may be killed before we can tell of its inode."""
        self._made(Undo(action, f"{undoing.UNKNOWN} {self._real(directory)}/{name}"))

    def disown(self, directory: int, name: str) -> None:
        """Tell that what was announced is another's, who made it just now."""
        self._made(Undo(undoing.KEEP, f"{undoing.UNKNOWN} {self._real(directory)}/{name}"))

    def tell(self, action: str, directory: int, name: str) -> None:
        """
        Tell of a thing that was made; its inode goes along, so that nothing else is ever taken away.

        Where nobody takes note of it, it is taken away at once.
        """
        inode = self._kernel.stat(name, dir_fd=directory, follow_symlinks=False).st_ino
        try:
            self._made(Undo(action, f"{inode} {self._real(directory)}/{name}"))
        except BaseException:
            remove = self._kernel.rmdir if action == "rmdir" else self._kernel.unlink
            remove(name, dir_fd=directory)
            raise

    def _real(self, descriptor: int) -> str:
        """Return the path beneath the root of what a descriptor names; empty for the root."""
        root = self._kernel.readlink(f"/proc/self/fd/{self._root}").rstrip("/")
        return self._kernel.readlink(f"/proc/self/fd/{descriptor}").rstrip("/").removeprefix(root)

    def _check_place(self, path: str, found: int, is_linked: bool) -> None:
        kind = self._kernel.file_system(found)
        if is_linked and kind in (PROC_SUPER_MAGIC, SYSFS_MAGIC):
            reason = "symbolic links of the root lead it into /proc or /sys"
            raise RuntimeFailure(f"find {path}", reason, "", errno.ELOOP)
        real = self._real(found)
        if real == _PROC or (kind == PROC_SUPER_MAGIC and real not in _HARMLESS):
            reason = "nothing but proc is mounted at or in /proc, as it would fake what the kernel says there"
            raise RuntimeFailure(f"find {path}", reason, "", errno.EPERM)

    def _make_last(self, name: str, is_directory: bool) -> int:
        """Make the last component: the usual case is that only this one is missing, and no link is on the way."""
        above, _, last = name.rpartition("/")
        try:
            here = self._kernel.open_beneath(self._root, above)
        except OSError:
            return self._make(name, is_directory)
        try:
            below = self._step(here, last, is_directory)
        finally:
            self._kernel.close(here)
        if last != ".." and not stat.S_ISLNK(self._kernel.fstat(below).st_mode):
            return below
        self._kernel.close(below)
        return self._make(name, is_directory)

    def _through_links(self, name: str, is_directory: bool) -> int:
        try:
            return self._kernel.open_in_root(self._root, name)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
        return self._make(name, is_directory)

    def _make(self, name: str, is_directory: bool) -> int:
        """
        Walk down a name, one component at a time without following links, and make what is missing.

        Links are followed by hand, as their targets may be missing too.
        """
        todo = name.split("/")
        links = 0
        real: list[str] = []
        here = self._kernel.open_beneath(self._root, "")
        while todo:
            part = todo.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                # ``real`` has no links in it, so the name above is the directory above; above the root is the root.
                del real[-1:]
                here = self._again(here, real)
                continue
            below = self._step(here, part, is_directory or bool(todo))
            if stat.S_ISLNK(self._kernel.fstat(below).st_mode):
                self._kernel.close(below)
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
                target = self._kernel.readlink(part, dir_fd=here)
                if target.startswith("/"):
                    real.clear()
                    here = self._again(here, real)
                todo[:0] = target.split("/")
                continue
            self._kernel.close(here)
            here = below
            real.append(part)
        return here

    def _step(self, here: int, part: str, is_directory: bool) -> int:
        """Return a descriptor of one component, which may be a symbolic link, made where it is missing."""
        flags = _PATH_ONLY | os.O_NOFOLLOW
        try:
            return self._kernel.open(part, flags, dir_fd=here)
        except FileNotFoundError:
            pass
        action = "rmdir" if is_directory else "unlink"
        outlasts = self.outlasts(here)
        if outlasts:
            self.announce(action, here, part)
        try:
            if is_directory:
                self._kernel.mkdir(part, 0o755, dir_fd=here)
            else:
                self._kernel.close(self._kernel.open(part, _NEW_FILE, 0o644, dir_fd=here))
        except FileExistsError:
            # another jail on the same root made it just now: it is not ours to take away
            if outlasts:
                self.disown(here, part)
        else:
            if outlasts:
                self.tell(action, here, part)
        return self._kernel.open(part, flags, dir_fd=here)

    def _again(self, here: int, real: list[str]) -> int:
        self._kernel.close(here)
        return self._kernel.open_beneath(self._root, "/".join(real))
