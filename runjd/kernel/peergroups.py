"""The groups of who is at the other end of a Unix socket, as they were when it connected: SO_PEERGROUPS of Linux."""

from __future__ import annotations

import errno
import os

from runjd.kernel.libc import byref, c_int, c_uint, create_string_buffer, get_errno, libc

_SOL_SOCKET = 1
_SO_PEERGROUPS = 59
_SIZE = 4
#: ids that are enough for most, and for whoever has as many groups as there may be (NGROUPS_MAX)
_ROOMS = (64, 65_536)


def peer_groups(fd: int) -> tuple[int, ...]:
    """
    Return them; none where the kernel never tells (before Linux 4.13).

    Python's own getsockopt(2) has room for 256.

    :raise OSError: it does not tell of this one.
    """
    for room in _ROOMS:
        buffer, size = create_string_buffer(room * _SIZE), c_uint(room * _SIZE)
        result = libc.getsockopt(c_int(fd), c_int(_SOL_SOCKET), c_int(_SO_PEERGROUPS), buffer, byref(size))
        if result == 0:
            return tuple(memoryview(buffer.raw[: size.value]).cast("I"))
        code = get_errno()
        if code == errno.ENOPROTOOPT:
            return ()
        if code != errno.ERANGE:
            break
    raise OSError(code, os.strerror(code), "SO_PEERGROUPS")
