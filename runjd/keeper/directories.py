"""
The keeper's directory: its lock, its socket, its log and its exit records.

Everything is reached through descriptors, so that a path may be long, and
nothing is followed that somebody put there.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import stat

from runjd.errors import InputOutput, WrongState

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SOCKET = "socket"
_NAMELESS = "spool.new"
_BACKLOG = 16


def open_private(path: str, parent_fd: int | None = None) -> int:
    """
    Open a directory that nobody else may use; made, 0700, where it is missing.

    :return: its descriptor.
    :raise InputOutput: it cannot be, or others may write there.
    """
    try:
        try:
            os.mkdir(path, 0o700, dir_fd=parent_fd)
        except FileExistsError:
            pass
        fd = os.open(path, _DIRECTORY, dir_fd=parent_fd)
    except OSError as error:
        raise InputOutput(f"{path}: {error.strerror}") from error
    found = os.fstat(fd)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        os.close(fd)
        raise InputOutput(f"{path}: must be of user {os.geteuid()} and of mode 0700, as who writes there is trusted")
    return fd


def lock(directory_fd: int, path: str) -> int:
    """
    Be the only keeper of a directory, as long as the returned descriptor is open.

    :raise WrongState: another one is.
    """
    fd = os.open("lock", _LOCK, 0o600, dir_fd=directory_fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise WrongState(f"{path}: another keeper serves this directory") from None
    return fd


def listen(directory_fd: int, path: str) -> _socket.socket:
    """
    Listen on the socket of a directory that is ours (:func:`lock`); one that an earlier keeper left is replaced.

    Changes the working directory to the root.

    :raise InputOutput: it cannot be.
    """
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    unfinished = f"{_SOCKET}.new"
    try:
        # by a name of the working directory, as a sockaddr_un holds 104 bytes on FreeBSD
        os.fchdir(directory_fd)
        for name in (unfinished, _SOCKET):
            try:
                os.unlink(name)
            except FileNotFoundError:
                continue
        # Renamed once it listens: who finds the socket can connect to it.
        made.bind(unfinished)
        os.chmod(unfinished, 0o600)
        made.listen(_BACKLOG)
        os.rename(unfinished, _SOCKET)
    except OSError as error:
        made.close()
        raise InputOutput(f"{path}/{_SOCKET}: {os.strerror(error.errno or errno.EIO)}") from error
    finally:
        os.chdir("/")
    return made


def has_socket(directory_fd: int) -> bool:
    """Whether there is a socket where daemons look for ours."""
    try:
        return stat.S_ISSOCK(os.stat(_SOCKET, dir_fd=directory_fd, follow_symlinks=False).st_mode)
    except OSError:
        return False


def make_nameless(directory_fd: int, descriptors_max: int) -> int:
    """
    Make a file that only its descriptor leads to.

    :param descriptors_max: as a descriptor is the lowest number that is free, one that is not below this would be
        taken from those that are needed otherwise.
    :raise OSError: it cannot be.
    """
    try:
        os.unlink(_NAMELESS, dir_fd=directory_fd)  # of a keeper that was killed just then
    except FileNotFoundError:
        pass
    fd = os.open(_NAMELESS, _NEW, 0o600, dir_fd=directory_fd)
    os.unlink(_NAMELESS, dir_fd=directory_fd)
    if fd >= descriptors_max:
        os.close(fd)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return fd


def leave(directory_fd: int) -> None:
    """Remove the socket: nobody listens any more."""
    try:
        os.unlink(_SOCKET, dir_fd=directory_fd)
    except FileNotFoundError:
        return
