"""
The terminal of a process, made by the child from inside the jail.

A pty that belongs to the jail has a name that the jail can find (ttyname(3)).  Where the
jail cannot have one, a spare of the host's is used, which was opened before the jail
was entered.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import struct
import sys
import termios

from runjd.container.failure import Step

if sys.platform == "linux":
    from runjd.container.pty_linux import open_inside
    from runjd.container.pty_linux import open_spare as _open_spare
else:
    from runjd.container.pty_freebsd import open_inside
    from runjd.container.pty_freebsd import open_spare as _open_spare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


#: ioctl_tty(2), termios(3): erasing takes away a whole character of UTF-8; Python does not name it
_IUTF8 = 0x4000


def open_spare() -> tuple[int, ...]:
    """Open a pty of the host, before the jail is entered; return the descriptors that the child needs of it."""
    with Step("open a pseudo terminal of the host"):
        return _open_spare()


def attach(
    socket: _socket.socket,
    spare: tuple[int, ...],
    size: tuple[int, int] | None,
    uid: int,
    opened: Callable[[int], None],
) -> None:
    """
    Make a pty, send its master away, and make it 0, 1 and 2.

    :param spare: what :func:`open_spare` returned; closed.
    :param size: (rows, columns).
    :param uid: who gets the slave.
    :param opened: told of the slave, where that belongs to the jail.
    """
    with Step("make a terminal", "process.terminal"):
        pty = open_inside(spare)
        if size is not None:
            fcntl.ioctl(pty.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        if sys.platform == "linux":
            modes = termios.tcgetattr(pty.slave)
            modes[0] |= _IUTF8
            termios.tcsetattr(pty.slave, termios.TCSANOW, modes)
        if os.fstat(pty.slave).st_uid != uid and os.geteuid() == 0:
            os.fchown(pty.slave, uid, -1)
        if pty.inside:
            opened(pty.slave)
        rights = struct.pack("i", pty.master)
        socket.sendmsg([os.fsencode(pty.name)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
        # whoever listens may wait for the end, and we may wait long for our start
        socket.close()
        for fd in range(3):
            os.dup2(pty.slave, fd)
        os.close(pty.master)
        if pty.slave > 2:
            os.close(pty.slave)


def control() -> None:
    """Make the terminal on 0 the controlling one; the caller leads a session already."""
    with Step("take control of the terminal", "process.terminal"):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
