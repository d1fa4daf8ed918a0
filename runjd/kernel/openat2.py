"""
openat2(2): open a name that cannot lead out of a directory. Linux 5.6.

There is no fallback: without it a name cannot be followed beneath a hostile root
in one step, and what takes several can be raced.
"""

from __future__ import annotations

import errno
import os
import struct

from runjd.kernel.libc import c_char_p, c_int, c_size_t, check, syscall

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_NR_OPENAT2 = 437
_SIZE = 24

_OPEN_HOW = struct.Struct("=3Q").pack
_PATH_ONLY = os.O_PATH | os.O_CLOEXEC


def open_beneath(root: int, path: str, flags: int = _PATH_ONLY) -> int:
    """
    Return a descriptor of a path that has no symbolic link in it, and stays beneath the root.

    :param path: relative; empty for the root itself.
    :raise OSError: ELOOP where there is a symbolic link.
    """
    return _open(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)


def open_in_root(root: int, path: str, flags: int = _PATH_ONLY) -> int:
    """Return a descriptor of a path, its symbolic links followed as if ``root`` were ``/``."""
    return _open(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)


def open_on_mount(root: int, path: str, flags: int = _PATH_ONLY) -> int:
    """
    Return a descriptor of a path that neither leaves the root nor crosses into another mount.

    :raise OSError: EXDEV where something is mounted on the way.
    """
    return _open(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS)


def _open(root: int, path: str, flags: int, resolve: int) -> int:
    how = _OPEN_HOW(flags, 0, resolve)
    name = c_char_p(path.encode("utf-8", "surrogateescape") or b".")
    while True:
        try:
            return check(syscall(_NR_OPENAT2, c_int(root), name, how, c_size_t(_SIZE)), path)
        except OSError as error:
            if error.errno == errno.ENOSYS:
                raise OSError(
                    errno.ENOSYS, "this kernel has no openat2(2): Linux 5.6 or later is needed", path
                ) from None
            # Somebody renamed a directory while it was looked at.
            if error.errno != errno.EAGAIN:
                raise
