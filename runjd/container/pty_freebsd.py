"""
Ptys of FreeBSD, where posix_openpt(2) makes the master and devfs shows the slave.

A devfs in a jail shows only slaves that were made by a process of the jail, so the pty
is made when the jail is entered.  Where the jail has no devfs its slave cannot be opened,
and one is used whose slave was opened on the host; no name is opened in anything else, as to
open a device may be to use it.  That what stands under the slave's name is the slave is seen
by the window size, which master and slave share.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from runjd.container.pty import Pty
from runjd.kernel.freebsd.mount import statfs
from runjd.kernel.freebsd.terminal import open_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FLAGS = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
_SIZE = struct.Struct("=HHHH")
#: pts(4): the number of a master
_TIOCGPTN = 0x4004740F


def _is_devfs(path: str) -> bool:
    try:
        return statfs(path).type == "devfs"
    except OSError:
        return False


def open_spare() -> tuple[int, ...]:
    """Open a master of the host and its slave."""
    master, name = open_terminal()
    try:
        return master, os.open(name, _FLAGS)
    except OSError:
        os.close(master)
        raise


def open_inside(spare: tuple[int, ...], is_devfs: Callable[[str], bool] = _is_devfs) -> Pty:
    """Return a pty of the jail, or that of the host where the jail shows none; the other is closed."""
    master, name = open_terminal()
    slave = _open_slave(master, name) if is_devfs("/dev") else -1
    if slave < 0:
        os.close(master)
        return Pty(spare[0], spare[1], _name_of(spare[0]), False)
    for fd in spare:
        os.close(fd)
    return Pty(master, slave, name, True)


def _open_slave(master: int, name: str) -> int:
    """Return the slave of a master by its name, -1 where that is not there or is something else."""
    try:
        # non-blocking, as the jail may have put anything there
        slave = os.open(name, _FLAGS | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return -1
    if _is_slave_of(master, slave):
        os.set_blocking(slave, True)
        return slave
    os.close(slave)
    return -1


def _name_of(master: int) -> str:
    """Return the name of a slave, on the host: it has none in the jail."""
    try:
        return f"/dev/pts/{struct.unpack('=I', fcntl.ioctl(master, _TIOCGPTN, bytes(4)))[0]}"
    except OSError:
        return "/dev/pts"


def _is_slave_of(master: int, slave: int) -> bool:
    mark = _SIZE.pack(*struct.unpack("=HH", os.urandom(4)), 0, 0)
    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, mark)
        return fcntl.ioctl(slave, termios.TIOCGWINSZ, bytes(_SIZE.size)) == mark
    except OSError:
        return False
    finally:
        fcntl.ioctl(master, termios.TIOCSWINSZ, bytes(_SIZE.size))
