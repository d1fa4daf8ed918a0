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

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY = _READ | os.O_DIRECTORY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
#: a deeper tree is a trap
_DEEPEST = 256


def copy_up(source: int, target: int, told: Collection[str] = ()) -> None:
    """
    Copy the content of a directory into another, with owners, modes and times.

    :param source: and ``target``: descriptors of directories, O_PATH is enough.
    :param told: names of options that the tmpfs was mounted with; the mode, uid and gid that they chose for it stay.
    :raise OSError: ENOSPC where the tmpfs is too small.
    """
    come_from = os.open(".", _DIRECTORY, dir_fd=source)
    go_to = os.open(".", _DIRECTORY, dir_fd=target)
    try:
        _copy_directory(come_from, go_to, 0)
        found = os.fstat(come_from)
        os.fchown(go_to, -1 if "uid" in told else found.st_uid, -1 if "gid" in told else found.st_gid)
        if "mode" not in told:
            os.fchmod(go_to, stat.S_IMODE(found.st_mode))
    finally:
        os.close(come_from)
        os.close(go_to)


def _copy_directory(source: int, target: int, depth: int) -> None:
    if depth > _DEEPEST:
        raise OSError(40, "the directories to be copied up are too deep")
    for name in os.listdir(source):
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            os.mkdir(name, 0o700, dir_fd=target)
            _copy_below(name, source, target, depth)
        elif stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
        elif stat.S_ISREG(found.st_mode):
            _copy_file(name, source, target)


def _copy_below(name: str, source: int, target: int, depth: int) -> None:
    come_from = os.open(name, _DIRECTORY, dir_fd=source)
    try:
        go_to = os.open(name, _DIRECTORY, dir_fd=target)
        try:
            _copy_directory(come_from, go_to, depth + 1)
            _copy_metadata(os.fstat(come_from), go_to)
        finally:
            os.close(go_to)
    finally:
        os.close(come_from)


def _copy_file(name: str, source: int, target: int) -> None:
    come_from = os.open(name, _READ, dir_fd=source)
    try:
        found = os.fstat(come_from)
        if not stat.S_ISREG(found.st_mode):
            return
        go_to = os.open(name, _NEW, 0o600, dir_fd=target)
        try:
            while os.sendfile(go_to, come_from, None, _CHUNK):
                pass
            _copy_metadata(found, go_to)
        finally:
            os.close(go_to)
    finally:
        os.close(come_from)


def _copy_metadata(found: os.stat_result, target: int) -> None:
    os.fchown(target, found.st_uid, found.st_gid)
    os.fchmod(target, stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
