"""
Descriptors that nobody asked for.

Whoever reads them has to close them, and closing one takes as long as its sender likes
where it is a connection that lingers (SO_LINGER), also where the kernel closes what was
never read.  Linux can be told to refuse them at their sender since 6.16.
"""

from __future__ import annotations

import _socket
import errno
import sys

#: of asm-generic/socket.h; Python has no name for it yet
_SO_PASSRIGHTS = 83


def refuse_descriptors(socket: _socket.socket) -> bool:
    """
    Have the kernel refuse what brings descriptors to a Unix socket: who sends it gets EPERM.

    Those that a listening socket accepts inherit it.

    :return: False: it cannot.
    """
    if sys.platform != "linux":
        return False
    try:
        socket.setsockopt(_socket.SOL_SOCKET, _SO_PASSRIGHTS, 0)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        return False
    return True
