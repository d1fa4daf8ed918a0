"""
Show a single file of the host in a jail by a copy of it.

nullfs of a file over a file panics some kernels (13.2, seen), so the file is copied,
as it is when the jail is made.  What the root had in its place is kept aside, and put
back when the jail is gone.
"""

from __future__ import annotations

import errno
import os
import stat

from runjd.runtime.contract import Undo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
#: bytes; what is larger is data, and data belongs into a directory
_LARGEST = 64 << 20


class Copier:
    """
    Copies files into a root.

    :param root: absolute path.
    :param id: of the container; what is kept aside has it in its name.
    :param made: told of each thing to undo before it is done.
    """

    def __init__(self, kernel: FreeBSDKernel, root: str, id: str, made: Callable[[Undo], None]) -> None:
        self._kernel = kernel
        self._root = root
        self._id = id
        self._made = made

    def copy(self, source: str, below: str, is_new: bool, readonly: bool) -> None:
        """
        Copy a file.

        :param below: path of the place, relative to the root and free of links; there is a file.
        :param is_new: that was made for this, and is undone already.
        :param readonly: nobody but root may write to the copy.
        """
        data, found = self._read(source)
        directory, _, name = below.rpartition("/")
        above = self._open(directory)
        try:
            if is_new:
                # with what is written now it is no longer the empty file that was made
                number = self._kernel.stat(name, dir_fd=above, follow_symlinks=False).st_ino
                self._made(Undo("remove", f"{number} /{below}"))
                fd = self._kernel.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            else:
                kept = f".runjd-{self._id}-{name}"
                self._made(Undo("restore", f"/{below}"))
                self._put_back(above, kept, name)
                self._kernel.rename(name, kept, src_dir_fd=above, dst_dir_fd=above)
                fd = self._kernel.open(name, _NEW, 0o600, dir_fd=above)
            try:
                while data:
                    data = data[self._kernel.write(fd, data) :]
                self._kernel.chown(fd, found.st_uid, found.st_gid)
                mode = stat.S_IMODE(found.st_mode)
                self._kernel.chmod(fd, mode & ~0o222 if readonly else mode)
            finally:
                self._kernel.close(fd)
        finally:
            self._kernel.close(above)

    def _put_back(self, above: int, kept: str, name: str) -> None:
        """Put back what is still aside: the host was rebooted, which took the record of it away, and left a copy."""
        try:
            self._kernel.rename(kept, name, src_dir_fd=above, dst_dir_fd=above)
        except FileNotFoundError:
            pass

    def _read(self, source: str) -> tuple[bytes, os.stat_result]:
        fd = self._kernel.open(source, _READ)
        try:
            found = self._kernel.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "is neither a file nor a directory, and cannot be shown in a jail", source)
            if found.st_size > _LARGEST:
                raise OSError(
                    errno.EFBIG, f"is larger than the {_LARGEST >> 20} MiB that are copied; mount its directory", source
                )
            parts = []
            while part := self._kernel.read(fd, _CHUNK):
                parts.append(part)
            return b"".join(parts), found
        finally:
            self._kernel.close(fd)

    def _open(self, directory: str) -> int:
        here = self._kernel.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in directory.split("/") if directory else ():
            try:
                below = self._kernel.open(part, _DIRECTORY, dir_fd=here)
            finally:
                self._kernel.close(here)
            here = below
        return here
