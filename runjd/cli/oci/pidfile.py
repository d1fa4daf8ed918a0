"""
The file in which engines find the pid of a process (``--pid-file``).

It gets its name when it holds the pid: until then it has none where the file system
allows that (``O_TMPFILE`` of open(2), Linux), so that nothing is left of it when we
are killed, and another one elsewhere.
"""

from __future__ import annotations

import errno
import os

from runjd.container.failure import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

_MODE = 0o644


def open_nameless(directory: str) -> int:
    """Return a descriptor of a new file, -1 where it would need a name; what else is wrong, that will say."""
    flag = getattr(os, "O_TMPFILE", 0)
    try:
        return os.open(directory, flag | os.O_WRONLY | os.O_CLOEXEC, _MODE) if flag else -1
    except OSError:
        return -1


class PidFile:
    """
    As a context: the file is begun at the start, so that what is wrong with it is known before there is a process.

    :param path: empty for none.
    :param open_nameless: see :func:`open_nameless`.
    """

    def __init__(self, path: str, open_nameless: Callable[[str], int] = open_nameless) -> None:
        self._path = path
        self._open_nameless = open_nameless
        self._begun = ""
        self._fd = -1

    def __enter__(self) -> Self:
        if self._path:
            with Step(f"write the pid file {self._path}"):
                if os.path.isdir(self._path):
                    raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
                self._fd = self._open_nameless(os.path.dirname(self._path) or ".")
                if self._fd < 0:
                    begun = self._other_name()
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                    self._fd = os.open(begun, flags, _MODE)
                    self._begun = begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._begun:
            os.unlink(self._begun)
            self._begun = ""

    def write(self, pid: int) -> None:
        """Write the pid in decimal without a newline, as engines read it; a reader sees all of it or nothing."""
        if self._fd < 0:
            return
        with Step(f"write the pid file {self._path}"):
            os.write(self._fd, b"%d" % pid)
            if self._begun or not self._is_named():
                os.rename(self._begun, self._path)
                self._begun = ""

    def _is_named(self) -> bool:
        """Give the file its name; False: that is taken, so it has another one."""
        try:
            _name(self._fd, self._path)
        except FileExistsError:
            begun = self._other_name()
            _name(self._fd, begun)
            self._begun = begun
            return False
        return True

    def _other_name(self) -> str:
        return f"{self._path}.{os.getpid()}"


def _name(fd: int, path: str) -> None:
    # a directory makes it linkat(2), which follows the link to a file without a name
    os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd)
