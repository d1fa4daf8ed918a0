"""
Who sent a datagram: whether it came out of the jail whose socket it was sent to.

Linux tells the pid of a sender, as the receiver sees it (unix(7), SO_PASSCRED); a
process of the jail has its pid namespace, or, where nothing isolates, its session.  One
that has ended since cannot be looked at and is believed: the socket lies in a directory
that only the jail and we can reach.  Elsewhere the kernel tells no pid, and all are.
"""

from __future__ import annotations

import _socket
import os
import struct

_CREDENTIALS = struct.Struct("=iII")  # ucred: pid, uid, gid


def receive(fd: int, size: int) -> tuple[bytes, int]:
    """
    Return a datagram and the pid of its sender, 0 where that is not told.

    Descriptors that come along are closed; there are none where the kernel refuses them
    for us (:func:`runjd.kernel.passrights.refuse_descriptors`).

    :raise BlockingIOError: there is none.
    """
    told = getattr(_socket, "SCM_CREDENTIALS", None)
    if told is None:
        return os.read(fd, size), 0  # what comes along is closed by the kernel, as nobody asked for it
    socket = _socket.socket(fileno=fd)
    try:
        data, ancillary, _, _ = socket.recvmsg(size, _socket.CMSG_SPACE(_CREDENTIALS.size), _socket.MSG_CMSG_CLOEXEC)
    finally:
        socket.detach()
    pid = 0
    for level, kind, content in ancillary:
        if level == _socket.SOL_SOCKET and kind == told and len(content) == _CREDENTIALS.size:
            pid = _CREDENTIALS.unpack(content)[0]
        elif level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            _close(content)
    return data, pid


def is_from(pid: int, init: int) -> bool:
    """Return whether a sender belongs to the jail of an init process, as far as anybody can tell."""
    if pid in (0, init):
        return True
    try:
        theirs, jails = _namespace(pid), _namespace(init)
        if theirs != jails or jails != _namespace(os.getpid()):
            return theirs == jails
        return os.getsid(pid) == init
    except OSError:
        return True


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/pid")


def _close(descriptors: bytes) -> None:
    size = struct.calcsize("i")
    for fd in struct.unpack(f"{len(descriptors) // size}i", descriptors[: len(descriptors) // size * size]):
        os.close(fd)
