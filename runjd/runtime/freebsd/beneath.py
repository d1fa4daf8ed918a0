"""
Names beneath the root of a FreeBSD jail, which its image chose.

There is no openat2(2): a name is walked one component at a time, each directory
opened relative to the one above it and without following links, and links are
followed by hand as if the root were ``/``.  nmount(2) takes a path and not a
descriptor, so what comes out is the real path, free of links at the time of
looking; who mounts there looks afterwards at where it landed.

A read-only root is an alias (nullfs): names are looked up in the alias, which has
the jail's mounts on it, and what is missing is made in the root behind it.
"""

from __future__ import annotations

import errno
import os
import stat

from runjd.runtime import undoing
from runjd.runtime.contract import Undo
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel

_MOST_LINKS = 40
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Place(Value):
    """
    A name of the jail that was found.

    :ivar path: real and absolute, on the host, in the alias where there is one.
    :ivar below: the same in the root itself, relative to it.
    :ivar is_directory: what is there.
    :ivar is_new: it was made just now.
    """

    path: str
    below: str
    is_directory: bool
    is_new: bool = False


class Beneath:
    """
    The files of one jail.

    :param root: real path of the root.
    :param view: real path that the jail's root is mounted on; the root itself, or its alias.
    :param made: told of what is made in the root, which outlasts the jail.
    """

    def __init__(self, kernel: FreeBSDKernel, root: str, view: str, made: Callable[[Undo], None]) -> None:
        self._kernel = kernel
        self._root = root
        self._view = view
        self._made = made

    def open_directory(self, path: str) -> int:
        """
        Return a descriptor of the directory that an absolute path of the jail leads to; the caller's to close.

        :raise OSError: ENOENT, ENOTDIR, ELOOP.
        """
        walk = _Walk(self._kernel, self._view)
        try:
            if not walk.follow(path, None):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if not walk.is_directory:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        except BaseException:
            walk.close()
            raise
        return walk.here

    def mount_point(self, path: str, is_directory: bool) -> Place:
        """
        Return where an absolute path of the jail leads; directories on the way, and it itself, are made.

        :raise OSError: ELOOP, ENOTDIR.
        """
        walk = _Walk(self._kernel, self._view)
        try:
            is_new = False

            def make(last: bool) -> None:
                nonlocal is_new
                self._make(walk, is_directory or not last)
                is_new = last

            walk.follow(path, make)
            return self._place(walk)._replace(is_new=is_new)
        finally:
            walk.close()

    def _place(self, walk: _Walk) -> Place:
        below = "/".join(walk.real)
        return Place(f"{self._view}/{below}".rstrip("/"), below, walk.is_directory)

    def _make(self, walk: _Walk, is_directory: bool) -> None:
        """Make the component that is missing, in the view or, where that is read-only, in the root behind it."""
        try:
            self._make_in(walk.here, walk, is_directory, self._outlasts(walk.here))
        except OSError as error:
            if error.errno != errno.EROFS or self._view == self._root:
                raise
            behind = _open_all(self._kernel, self._root, walk.real)
            try:
                self._make_in(behind, walk, is_directory, True)
            finally:
                self._kernel.close(behind)

    def _make_in(self, directory: int, walk: _Walk, is_directory: bool, outlasts: bool) -> None:
        action = "rmdir" if is_directory else "unlink"
        if outlasts:
            # we may be killed before we can tell of its inode
            self._tell(action, undoing.UNKNOWN, walk)
        try:
            if is_directory:
                self._kernel.mkdir(walk.part, 0o755, dir_fd=directory)
                fd = -1
            else:
                fd = self._kernel.open(walk.part, _NEW_FILE, 0o644, dir_fd=directory)
        except FileExistsError:
            # another jail on the same root made it just now: it is not ours to take away
            if outlasts:
                self._tell(undoing.KEEP, undoing.UNKNOWN, walk)
            return
        try:
            if outlasts:
                self._tell_made(action, directory, walk)
        finally:
            if fd >= 0:
                self._kernel.close(fd)

    def _tell_made(self, action: str, directory: int, walk: _Walk) -> None:
        """Tell of a thing that was made, by its inode; where nobody takes note of it, it is taken away at once."""
        try:
            number = self._kernel.stat(walk.part, dir_fd=directory, follow_symlinks=False).st_ino
            self._tell(action, str(number), walk)
        except BaseException:
            remove = self._kernel.rmdir if action == "rmdir" else self._kernel.unlink
            remove(walk.part, dir_fd=directory)
            raise

    def _tell(self, action: str, number: str, walk: _Walk) -> None:
        self._made(Undo(action, f"{number} /{'/'.join([*walk.real, walk.part])}"))

    def _outlasts(self, directory: int) -> bool:
        """Whether what is made in a directory is in the root, and not in something that is mounted there."""
        return self._kernel.fstat(directory).st_dev == self._kernel.stat(self._view).st_dev


class _Walk:
    """
    One walk down a name.

    :ivar here: descriptor of the directory that was reached.
    :ivar real: the components that lead there, free of links.
    :ivar part: the component that is looked at.
    """

    def __init__(self, kernel: FreeBSDKernel, top: str) -> None:
        self._kernel = kernel
        self._top = top
        self.here = _open_all(kernel, top, ())
        self.real: list[str] = []
        self.part = ""
        self.is_directory = True

    def close(self) -> None:
        self._kernel.close(self.here)

    def follow(self, path: str, make: Callable[[bool], None] | None) -> bool:
        """
        Walk to the end; return whether it is there.

        :param make: makes what is missing; told whether it is the last component.
        """
        todo = path.split("/")
        links = 0
        while todo:
            self.part = todo.pop(0)
            if self.part in ("", "."):
                continue
            if not self.is_directory:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            if self.part == "..":
                # ``real`` has no links in it, so the name above is the directory above; above the root is the root
                self._again(self.real[:-1])
                continue
            found = self._look()
            if found is None:
                if make is None:
                    return False
                make(not any(each not in ("", ".") for each in todo))
                found = self._kernel.stat(self.part, dir_fd=self.here, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = self._kernel.readlink(self.part, dir_fd=self.here)
                if target.startswith("/"):
                    self._again(())
                todo[:0] = target.split("/")
                continue
            self._enter(found)
        return True

    def _look(self) -> os.stat_result | None:
        try:
            return self._kernel.stat(self.part, dir_fd=self.here, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _enter(self, found: os.stat_result) -> None:
        self.is_directory = stat.S_ISDIR(found.st_mode)
        if self.is_directory:
            below = self._kernel.open(self.part, _DIRECTORY, dir_fd=self.here)
            self._kernel.close(self.here)
            self.here = below
        self.real.append(self.part)

    def _again(self, real: tuple[str, ...] | list[str]) -> None:
        there = _open_all(self._kernel, self._top, real)
        self._kernel.close(self.here)
        self.here = there
        self.real = list(real)
        self.is_directory = True


def _open_all(kernel: FreeBSDKernel, top: str, parts: tuple[str, ...] | list[str]) -> int:
    """Return a descriptor of a directory beneath another one, no component of which is a link."""
    here = kernel.open(top, _DIRECTORY & ~os.O_NOFOLLOW)
    for part in parts:
        try:
            below = kernel.open(part, _DIRECTORY, dir_fd=here)
        finally:
            kernel.close(here)
        here = below
    return here
