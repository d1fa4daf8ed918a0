"""
Who is at the other end of a Unix socket, by the word of the kernel.

Linux: SO_PEERCRED, a ``struct ucred`` of unix(7).  FreeBSD: LOCAL_PEERCRED, a
``struct xucred`` of unix(4), which has the pid since FreeBSD 13.  Both name who
connected, not who holds the descriptor now.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

from runjd.errors import Denied
from runjd.policy.principal import Principal

_UCRED = struct.Struct("iII")
_NOBODY = 2**32 - 1
_XUCRED_VERSION = 0
_XUCRED_GROUPS = 16
# cr_version, cr_uid, cr_ngroups, cr_groups[16]; then a union of a pointer and cr_pid
_XUCRED = struct.Struct(f"@IIh{_XUCRED_GROUPS}IP")
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1


def identify(transport: Any) -> Principal:
    """
    Return who connected.

    :param transport: of the connection, as Twisted makes it.
    :raise Denied: the kernel does not say.
    """
    connection = transport.getHandle()
    try:
        if sys.platform.startswith("linux"):
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            from runjd.kernel.peergroups import peer_groups

            return parse_ucred(raw, peer_groups(connection.fileno()))
        return parse_xucred(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
    except OSError as error:
        raise Denied(f"the system does not say who connected: {error.strerror}") from error


def parse_ucred(raw: bytes, groups: tuple[int, ...]) -> Principal:
    """
    Return who a ``struct ucred`` of Linux names.

    :raise Denied: nobody, as for the sockets of another family.
    """
    pid, uid, gid = _UCRED.unpack(raw)
    if uid == _NOBODY:
        raise Denied("the system does not say who connected: this is no Unix socket")
    return Principal(uid, gid, pid, tuple(dict.fromkeys((gid, *groups))))


def parse_xucred(raw: bytes) -> Principal:
    """
    Return who a ``struct xucred`` of FreeBSD names.

    :raise Denied: it is of a version that is not known.
    """
    if len(raw) != _XUCRED.size:
        raise Denied("the peer credentials have an unknown size")
    version, uid, count, *more = _XUCRED.unpack(raw)
    groups = more[: min(count, _XUCRED_GROUPS)]
    if version != _XUCRED_VERSION or count < 1:
        raise Denied("the peer credentials are of an unknown version")
    # the pid is an int within the union, which is as wide as a pointer
    pid = struct.unpack_from("@i", raw, _XUCRED.size - struct.calcsize("@P"))[0]
    return Principal(uid, groups[0], max(pid, 0), tuple(dict.fromkeys(groups)))
