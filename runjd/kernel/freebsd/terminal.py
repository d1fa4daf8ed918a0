"""
Pseudo-terminals: posix_openpt(2) needs no devfs, so it works in a jail.

A jail's devfs shows only terminals that were made by a process of the jail.
Output that nobody reads is thrown away a second after the last slave closes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from runjd.kernel.libc import c_char_p, c_int, check, libc

TIOCSCTTY = 0x20007461
TIOCSWINSZ = 0x80087467
_WINSIZE = struct.Struct("=HHHH")


def open_terminal() -> tuple[int, str]:
    """Return the master of a new terminal and the path of its slave, which only a devfs can open."""
    master = check(libc.posix_openpt(c_int(os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)), "posix_openpt")
    try:
        check(libc.grantpt(c_int(master)), "grantpt")
        check(libc.unlockpt(c_int(master)), "unlockpt")
        # ptsname_r is younger than some of the systems we run on.
        libc.ptsname.restype = c_char_p
        name = libc.ptsname(c_int(master))
        if name is None:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY), "ptsname")
    except OSError:
        os.close(master)
        raise
    return master, bytes(name).decode("ascii")


def set_controlling_terminal(descriptor: int) -> None:
    """Make a terminal ours; we must lead a session that has none."""
    fcntl.ioctl(descriptor, TIOCSCTTY, 0)


def set_window_size(descriptor: int, columns: int, rows: int) -> None:
    """Tell a terminal its size in characters."""
    fcntl.ioctl(descriptor, TIOCSWINSZ, _WINSIZE.pack(rows, columns, 0, 0))
