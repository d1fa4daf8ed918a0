"""
Flags of open(2) that Python does not name on every FreeBSD, and paths that may not lead out.

jail_attach(2) is refused while any directory is open, also with O_PATH and
O_CLOEXEC: whatever is opened here is closed before.
"""

from __future__ import annotations

import os

from runjd.kernel.libc import c_int, c_void_p, check, libc

O_PATH = 0x00400000
O_RESOLVE_BENEATH = 0x00800000
_SHM_ANON = 1


def open_beneath(root: int, path: str, flags: int) -> int:
    """
    Open a path beneath a directory.

    :param path: relative; empty is the directory itself.
    :param flags: of os.open; the descriptor is closed at exec.
    :raise OSError: ENOTCAPABLE (93) where a link, ``..`` or a leading ``/`` leads out of the root, an absolute
        link also where it would lead back.
    """
    return os.open(path or ".", flags | O_RESOLVE_BENEATH | os.O_CLOEXEC, dir_fd=root)


def realpath(path: str) -> str:
    """Return the path without links, as the kernel tells it of mounts and jails."""
    return os.path.realpath(path)


def anonymous_file() -> int:
    """Return a descriptor of a new file in memory that has no name: shm_open(2) with SHM_ANON."""
    return check(libc.shm_open(c_void_p(_SHM_ANON), c_int(os.O_RDWR), c_int(0o600)), "shm_open")
