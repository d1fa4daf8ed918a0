"""
The pty of a process, made by the child from inside the jail.

A master that belongs to the jail's own devpts has a name that the jail can find
(ttyname(3), ``/dev/pts/0``).  Where the jail has none, one of the host's is used,
which was opened before the jail was entered.  The only name that is looked up is
the directory ``/dev/pts``: where that is a devpts, all names in it are the kernel's,
and elsewhere nothing is opened, as to open a device may be to use it.  The other
side is had from the master, not by its name (CVE-2025-52565).
"""

from __future__ import annotations

import _socket
import fcntl
import os
import struct
import sys
import termios

from runjd.container.failure import Step
from runjd.kernel.statfs import DEVPTS_SUPER_MAGIC, file_system
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_JAILS = "/dev/pts"
_HOSTS = "/dev/ptmx"
#: Linux: requests of ioctl_tty(2)
_TIOCGPTN = 0x80045430
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441

_FLAGS = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC


class Pty(Value):
    """Both ends of a pty; ``name`` is the slave's where it was made; ``inside``: the jail can find that name."""

    master: int
    slave: int
    name: str
    inside: bool


def open_spare() -> int:
    """Open a master of the host, for a jail that has no devpts; before the jail is entered."""
    with Step("open a pseudo terminal of the host"):
        return os.open(_HOSTS, _FLAGS)


def attach(
    socket: _socket.socket, spare: int, size: tuple[int, int] | None, uid: int, opened: Callable[[int], None]
) -> None:
    """
    Make a pty, send its master away, and make it 0, 1 and 2.

    :param spare: a master of the host; closed.
    :param size: (rows, columns).
    :param uid: who gets the slave.
    :param opened: told of the slave, where that belongs to the jail.
    """
    with Step("make a terminal", "process.terminal"):
        pty = _open(spare)
        if size is not None:
            fcntl.ioctl(pty.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
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


def _open(spare: int) -> Pty:
    master = _open_jails() if sys.platform == "linux" else -1
    if master < 0:
        return _unlock(spare, inside=False)
    os.close(spare)
    return _unlock(master, inside=True)


def _open_jails() -> int:
    """Return a master of the jail's own devpts, -1 where there is none, or none for us."""
    try:
        directory = os.open(_JAILS, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        if file_system(directory) != DEVPTS_SUPER_MAGIC:
            return -1
        return os.open("ptmx", _FLAGS | os.O_NOFOLLOW, dir_fd=directory)
    except OSError:
        return -1
    finally:
        os.close(directory)


def _unlock(master: int, *, inside: bool) -> Pty:
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, _TIOCGPTPEER, _FLAGS)
    number = struct.unpack("I", fcntl.ioctl(master, _TIOCGPTN, bytes(4)))[0]
    return Pty(master, slave, f"/dev/pts/{number}", inside)
