"""Files that are written whole or not at all, and read without following links."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Any

from runjd.errors import InputOutput, NoSpace
from runjd.kernel.newfile import open_new
from runjd.spec.lightjson import loads
from runjd.spec.versioned import Newer

_NEW = ".new"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def write_whole(path: str, data: bytes, is_synced: bool = False) -> None:
    """
    Write or replace a file, at once or not at all.

    Who is killed over it leaves what it had begun: see :func:`clear_unfinished`.

    :param is_synced: it outlasts a crash of the host, once its directory is synced, too.
    :raise InputOutput: the disk refuses.
    """
    new = path + _NEW
    try:
        fd = open_new(new)
        try:
            _write_all(fd, data)
            if is_synced:
                os.fsync(fd)
            os.rename(new, path)
        except BaseException:
            os.unlink(new)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise refused(path, error) from error


def clear_unfinished(directory: str) -> None:
    """
    Remove the files that somebody had begun who was killed; a disk that refuses keeps them.

    Nobody may be writing there any more: whoever calls this holds the lock.
    """
    for name in os.listdir(directory):
        if name.endswith(_NEW):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))


def sync_directory(path: str) -> None:
    """Have all that was renamed and removed in a directory outlast a crash. :raise InputOutput: the disk refuses."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise refused(path, error) from error


def read_json(path: str) -> Any:
    """Return what a file holds. :raise OSError: it cannot be read. :raise ValueError: it is no JSON."""
    fd = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError("it is no file")
    with open(fd, "rb") as file:
        return loads(file.read())


def of_newer(path: str, error: Newer) -> Newer:
    """Return the error of a record that a newer version wrote, with what to do."""
    return Newer(
        f"{path}: {error}; it was left as it is, as all others: start the newer version again, or move the file away "
        "and do without what it says"
    )


def refused(path: str, error: OSError, deed: str = "write") -> InputOutput | NoSpace:
    """Return the error of a disk that refuses."""
    kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT) else InputOutput
    return kind(f"cannot {deed} {path}: {error.strerror}")


def _write_all(fd: int, data: bytes) -> None:
    """Write all of it: a disk may take a part, and refuse only the next."""
    while data:
        data = data[os.write(fd, data) :]
