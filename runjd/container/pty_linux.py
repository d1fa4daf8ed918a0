"""
Ptys of Linux, whose master and slave are parts of one devpts.

A master that belongs to the jail's own devpts has a name that the jail can find
(ttyname(3), ``/dev/pts/0``).  The only name that is looked up is the directory
``/dev/pts``: where that is a devpts, all names in it are the kernel's, and elsewhere
nothing is opened, as to open a device may be to use it.  The other side is had from
the master, not by its name (CVE-2025-52565).
"""

from __future__ import annotations

import fcntl
import os
import struct

from runjd.container.pty import Pty
from runjd.kernel.statfs import DEVPTS_SUPER_MAGIC, file_system

_JAILS = "/dev/pts"
_HOSTS = "/dev/ptmx"
#: requests of ioctl_tty(2)
_TIOCGPTN = 0x80045430
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441

_FLAGS = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC


def open_spare() -> tuple[int, ...]:
    """Open a master of the host."""
    return (os.open(_HOSTS, _FLAGS),)


def open_inside(spare: tuple[int, ...]) -> Pty:
    """Return a pty of the jail, or that of the host where the jail has no devpts; the other is closed."""
    master = _open_jails()
    if master < 0:
        return _unlock(spare[0], inside=False)
    os.close(spare[0])
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
