"""
``tmpcopyup``: fill a new tmpfs with what the image has in its place.

The image is hostile: nothing is followed, everything goes by descriptors of
directories, and devices and sockets are left out.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY = _READ | os.O_DIRECTORY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
#: a deeper tree is a trap
_DEEPEST = 256


class CopyUp:
    """
    Copies directories.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel` or :class:`runjd.kernel.freebsd.kernel.FreeBSDKernel`.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def copy(self, source: int, target: int, told: Collection[str] = ()) -> None:
        """
        Copy the content of a directory into another, with owners, modes and times.

        :param source: and ``target``: descriptors of directories, O_PATH is enough.
        :param told: names of options that the tmpfs was mounted with; the mode, uid and gid that they chose stay.
        :raise OSError: ENOSPC where the tmpfs is too small.
        """
        come_from = self._kernel.open(".", _DIRECTORY, dir_fd=source)
        go_to = self._kernel.open(".", _DIRECTORY, dir_fd=target)
        try:
            self._copy_directory(come_from, go_to, 0)
            found = self._kernel.fstat(come_from)
            self._kernel.chown(go_to, -1 if "uid" in told else found.st_uid, -1 if "gid" in told else found.st_gid)
            if "mode" not in told:
                self._kernel.chmod(go_to, stat.S_IMODE(found.st_mode))
        finally:
            self._kernel.close(come_from)
            self._kernel.close(go_to)

    def _copy_directory(self, source: int, target: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise OSError(40, "the directories to be copied up are too deep")
        for name in self._kernel.listdir(source):
            found = self._kernel.stat(name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                self._kernel.mkdir(name, 0o700, dir_fd=target)
                self._copy_below(name, source, target, depth)
            elif stat.S_ISLNK(found.st_mode):
                self._kernel.symlink(self._kernel.readlink(name, dir_fd=source), name, dir_fd=target)
                self._kernel.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
            elif stat.S_ISREG(found.st_mode):
                self._copy_file(name, source, target)

    def _copy_below(self, name: str, source: int, target: int, depth: int) -> None:
        come_from = self._kernel.open(name, _DIRECTORY, dir_fd=source)
        try:
            go_to = self._kernel.open(name, _DIRECTORY, dir_fd=target)
            try:
                self._copy_directory(come_from, go_to, depth + 1)
                self._copy_metadata(self._kernel.fstat(come_from), go_to)
            finally:
                self._kernel.close(go_to)
        finally:
            self._kernel.close(come_from)

    def _copy_file(self, name: str, source: int, target: int) -> None:
        come_from = self._kernel.open(name, _READ, dir_fd=source)
        try:
            found = self._kernel.fstat(come_from)
            if not stat.S_ISREG(found.st_mode):
                return
            go_to = self._kernel.open(name, _NEW, 0o600, dir_fd=target)
            try:
                while data := self._kernel.read(come_from, _CHUNK):
                    while data:
                        data = data[self._kernel.write(go_to, data) :]
                self._copy_metadata(found, go_to)
            finally:
                self._kernel.close(go_to)
        finally:
            self._kernel.close(come_from)

    def _copy_metadata(self, found: os.stat_result, target: int) -> None:
        self._kernel.chown(target, found.st_uid, found.st_gid)
        self._kernel.chmod(target, stat.S_IMODE(found.st_mode))
        self._kernel.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
