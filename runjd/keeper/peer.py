"""
Whose process is at the other end of a Unix socket, and how to get there.

Linux: SO_PEERCRED of unix(7).  FreeBSD: LOCAL_PEERCRED of unix(4).
"""

from __future__ import annotations

import _socket
import errno
import os
import struct
import sys

_UCRED = struct.Struct("3i")  # pid, uid, gid
_LOCAL_PEERCRED = 1
_XUCRED_SIZE = 256  # more than a struct xucred; its version and uid come first
_XUCRED_HEAD = struct.Struct("@II")
_PATH_MAX = 104  # of FreeBSD, with the final NUL; Linux has 108


def peer_uid(connection: _socket.socket) -> int:
    """
    Return the user id of the process that made the other end.

    :raise OSError: the system does not say.
    """
    if sys.platform == "linux":
        raw = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size)
        return int(_UCRED.unpack(raw)[1])
    raw = connection.getsockopt(0, _LOCAL_PEERCRED, _XUCRED_SIZE)
    version, uid = _XUCRED_HEAD.unpack_from(raw)
    if version != 0:
        raise OSError(0, f"struct xucred of unknown version {version}")
    return int(uid)


def connect_by_path(connection: _socket.socket, path: str) -> None:
    """
    Connect to a Unix socket, however long its path is.

    A ``struct sockaddr_un`` holds 104 to 108 bytes; Linux lets a path go through
    a descriptor of the directory.

    :raise OSError: nobody listens, or the path is too long for this system.
    """
    if len(os.fsencode(path)) < _PATH_MAX:
        connection.connect(path)
        return
    if sys.platform != "linux":
        raise OSError(errno.ENAMETOOLONG, f"the path is longer than {_PATH_MAX - 1} bytes", path)
    directory, _, name = path.rpartition("/")
    fd = os.open(directory or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{fd}/{name}")
    finally:
        os.close(fd)
