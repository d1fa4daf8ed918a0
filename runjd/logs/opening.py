"""Opening the file of a log: beside, never through, symbolic links, and where nobody else may write."""

from __future__ import annotations

import errno
import os
import stat

_APPEND = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def open_log(path: str) -> int:
    """
    Open a log for appending; make it where it is not there.

    :raise OSError: also where the directory or the file is not what it should be.
    """
    directory, name = os.path.split(path)
    directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(directory_fd)
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(errno.EPERM, "the directory of logs can be written to by others", directory)
        try:
            fd = os.open(name, _APPEND, dir_fd=directory_fd)
        except FileNotFoundError:
            fd = os.open(name, _APPEND | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=directory_fd)
            os.fchmod(fd, 0o640)  # whatever the umask is
    finally:
        os.close(directory_fd)
    found = os.fstat(fd)
    complaint = ""
    if not stat.S_ISREG(found.st_mode):
        complaint = "is not a regular file"
    elif found.st_uid not in (0, os.geteuid()):
        complaint = f"belongs to user {found.st_uid}"
    elif found.st_nlink > 1:
        complaint = "has another name, too (a hard link): what is written would be in both"
    if complaint:
        os.close(fd)
        raise OSError(errno.EINVAL, complaint, path)
    return fd
