"""
The keeper's own log: a few lines in a file that cannot grow without end.

What it cannot write is lost; nothing depends on it.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: bytes after which the file becomes ``log.old``
SIZE_MAX = 1 << 20

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Log:
    """
    Appends lines to ``log`` of a directory.

    :param directory_fd: of the keeper's directory.
    :param now: the wall clock, in seconds.
    :raise OSError: the file cannot be opened.
    """

    def __init__(self, directory_fd: int, now: Callable[[], float]) -> None:
        self._directory_fd = directory_fd
        self._now = now
        self._fd = -1
        self._size = 0
        self._open()

    def write(self, text: str) -> None:
        """Append a line; control characters in it are escaped."""
        now = self._now()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        # escaped: all that could make two lines of one
        line = f"{stamp}.{int(now % 1 * 1000):03}Z ".encode() + text.encode("unicode_escape") + b"\n"
        try:
            if self._size > SIZE_MAX:
                self._rotate()
            os.write(self._fd, line)
            self._size += len(line)
        except OSError:
            return

    def failure(self, error: BaseException) -> None:
        """Append what went wrong and where; reads no source file."""
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f" at {where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where is not None else ""
        self.write(f"{type(error).__name__}: {error}{place}")

    def close(self) -> None:
        """Close the file; what is written afterwards is lost."""
        os.close(self._fd)
        self._fd = -1

    def _open(self) -> None:
        self._fd = os.open("log", _FLAGS, 0o600, dir_fd=self._directory_fd)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        os.rename("log", "log.old", src_dir_fd=self._directory_fd, dst_dir_fd=self._directory_fd)
        old = self._fd
        self._open()
        os.close(old)
