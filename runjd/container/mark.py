"""
The mark of a container's directory, by which we know it for ours.

Nothing is ever removed from a directory without it, whatever is given as state
directory.  It is made before anything else; once there is an init process it
says which, and what was made on the host before it, so that both can be taken away
also where the record was damaged.
"""

from __future__ import annotations

import os
import stat

from runjd.container.bundle import read_all
from runjd.container.own import open_file
from runjd.container.state import State, encode, salvage

NAME = "runj.container"

_LIMIT = 1 << 16


def make(directory: int) -> None:
    """Mark a directory that we just made, or forget which process is the init process."""
    os.close(open_file(NAME, directory))


def keep(directory: int, state: State) -> None:
    """Write down which process is the init process, and what was made on the host until then."""
    short = State(
        state.id,
        state.status,
        pid=state.pid,
        start_time=state.start_time,
        boot_id=state.boot_id,
        runtime=state.runtime,
        root=state.root,
        undo=state.undo,
        jid=state.jid,
    )
    fd = os.open(NAME, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.write(fd, encode(short))
    finally:
        os.close(fd)


def read(directory: int) -> State | None:
    """Return what :func:`keep` wrote, None where that is nothing."""
    try:
        fd = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    try:
        return salvage(read_all(fd, _LIMIT))
    except OSError:
        return None
    finally:
        os.close(fd)


def is_ours(directory: int, names: list[str]) -> bool:
    """
    Whether a directory is a container's of ours; one whose creator was killed before he marked it is, too.

    So is one with nothing but empty directories: at boot FreeBSD empties ``/var/run``, and leaves those
    (rc.d/cleanvar).

    :param names: what is in it.
    """
    if NAME in names:
        return True
    found = os.fstat(directory)
    is_closed = stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid == os.geteuid()
    return is_closed and all(_is_empty(directory, name) for name in names)


def _is_empty(directory: int, name: str) -> bool:
    """Whether an entry is a directory with nothing in it."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return False
    try:
        return not os.listdir(fd)
    finally:
        os.close(fd)
