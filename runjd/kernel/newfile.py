"""A file that is made, whatever has its name: nothing of that is opened, followed or written to."""

from __future__ import annotations

import os

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def open_new(path: str, mode: int = 0o600, dir_fd: int | None = None) -> int:
    """
    Return a descriptor for writing to a file that was not there before.

    What had the name loses it: what somebody who was killed had begun, or a link, a FIFO or another name of a file
    that somebody put there.  Its directory is nobody else's, so that this is not a race.

    :raise OSError: also where a directory has the name.
    """
    try:
        return os.open(path, _NEW, mode, dir_fd=dir_fd)
    except FileExistsError:
        os.unlink(path, dir_fd=dir_fd)
        return os.open(path, _NEW, mode, dir_fd=dir_fd)
