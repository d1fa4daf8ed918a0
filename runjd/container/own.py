"""Files and directories that are ours to change, whatever the umask: it may take rights from us, or give others all."""

from __future__ import annotations

import os

_DIRECTORY, _FILE = 0o700, 0o600
_OTHERS_NOTHING = 0o077
_OTHERS_READ = 0o022
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make_directory(path: str, directory: int | None = None) -> None:
    """
    Make a directory with the mode 0700 from its first moment on: by that mode we know ours.

    :param directory: descriptor of what a relative path is below; None: the working directory.
    :raise OSError: as of mkdir(2).
    """
    before = os.umask(_OTHERS_NOTHING)
    try:
        os.mkdir(path, _DIRECTORY, dir_fd=directory)
    finally:
        os.umask(before)


def make_way(path: str) -> None:
    """
    Make the directories of a path that are missing; others may look at them, and no more.

    :raise OSError: as of mkdir(2).
    """
    if os.path.isdir(path):
        return
    before = os.umask(_OTHERS_READ)
    try:
        os.makedirs(path, exist_ok=True)
    finally:
        os.umask(before)


def open_file(name: str, directory: int) -> int:
    """
    Open a file for writing anew; it is made where it is missing.

    :raise OSError: as of openat(2); a link is not followed, and a FIFO in its place is not waited for.
    """
    before = os.umask(_OTHERS_NOTHING)
    try:
        return os.open(name, _WRITE, _FILE, dir_fd=directory)
    finally:
        os.umask(before)
