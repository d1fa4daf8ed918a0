"""The file in which engines find the pid of a process (``--pid-file``)."""

from __future__ import annotations

import errno
import os

from runjd.container.failure import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class PidFile:
    """
    As a context: the file is begun at the start, so that what is wrong with it is known before there is a process.

    :param path: empty for none.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._begun = ""
        self._fd = -1

    def __enter__(self) -> Self:
        if self._path:
            with Step(f"write the pid file {self._path}"):
                if os.path.isdir(self._path):
                    raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
                begun = f"{self._path}.{os.getpid()}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._fd = os.open(begun, flags, 0o644)
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
        if self._begun:
            with Step(f"write the pid file {self._path}"):
                os.write(self._fd, b"%d" % pid)
                os.rename(self._begun, self._path)
                self._begun = ""
