"""
The directories of a daemon: made where they are missing, refused where others could write.

Who can write to them could have us run his program or write where he likes, so
nothing is followed that somebody put there.
"""

from __future__ import annotations

import fcntl
import os
import stat

from runjd.ancestry import find_stranger
from runjd.errors import InputOutput, WrongState

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_directory(path: str, mode: int) -> None:
    """
    Make a directory, and those above it, where they are missing.

    :param mode: of a new one; an existing one must not give others more rights to write.
    :raise InputOutput: it cannot be made, or is not ours alone to write to.
    """
    parent = os.path.dirname(path)
    stranger = find_stranger(parent)
    if stranger:
        raise InputOutput(
            f"directory {path}: is reached by {stranger}, which others can exchange; name another by --state or --log"
        )
    try:
        if not os.path.isdir(parent):
            os.makedirs(parent, 0o755, exist_ok=True)
        try:
            os.mkdir(path, mode)
            is_new = True
        except FileExistsError:
            is_new = False
        fd = os.open(path, _DIRECTORY)
    except OSError as error:
        what = "is a symbolic link or no directory" if _is_no_directory(path) else error.strerror
        if isinstance(error, PermissionError):
            what = f"{error.strerror}; start runjd as root, or name directories of your own by --state and --log"
        raise InputOutput(f"directory {path}: {what}") from error
    try:
        if is_new:
            os.fchmod(fd, mode)  # whatever the umask is
        found = os.fstat(fd)
        if found.st_uid != os.geteuid():
            raise InputOutput(
                f"directory {path}: belongs to user {found.st_uid}, not to user {os.geteuid()}; "
                "name another by --state or --log"
            )
        others = stat.S_IMODE(found.st_mode) & 0o777 & ~mode
        if others & 0o022 or (mode == 0o700 and others):
            raise InputOutput(
                f"directory {path}: has mode {stat.S_IMODE(found.st_mode):04o}, which gives others too much; "
                f"chmod it to {mode:04o}"
            )
    finally:
        os.close(fd)


def lock_directory(path: str, held: int = -1) -> int:
    """
    Be the only daemon of a directory, as long as the returned descriptor is open.

    :param held: that of an earlier version of this process, ours now; -1: there was none.
    :raise WrongState: another one is; it is named.
    :raise InputOutput: the lock cannot be made.
    """
    name = os.path.join(path, "lock")
    try:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputOutput(f"{name}: {error.strerror}") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(fd)
        raise InputOutput(f"{name}: is no file, or one with another name, too; remove it")
    try:
        if held >= 0:
            if os.path.sameopenfile(fd, held):
                os.close(fd)
                return held
            os.close(held)  # it is the lock of another directory
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        pid = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
        os.close(fd)
        raise WrongState(f"another runjd serves {path}{f', with pid {pid}' if pid else ''}") from error
    return fd


def sign_lock(fd: int) -> None:
    """Write our pid into the lock, for people."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d\n" % os.getpid(), 0)


def _is_no_directory(path: str) -> bool:
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
