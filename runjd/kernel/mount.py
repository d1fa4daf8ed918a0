"""
Mounts of Linux: mount(2), umount2(2), pivot_root(2) and the descriptor-based calls.

open_tree(2) makes a detached copy that mount_setattr(2) changes before
move_mount(2) shows it: nothing has to be found again by its name, so nobody can
exchange it in between.  They need Linux 5.12.
"""

from __future__ import annotations

import struct

from runjd.kernel.libc import c_char_p, c_int, c_size_t, c_uint, c_ulong, check, libc, syscall

# mount(2)
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25

# mount_setattr(2)
MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
MOUNT_ATTR__ATIME = 0x70
MOUNT_ATTR_RELATIME = 0x0
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_NOSYMFOLLOW = 0x200000

MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = 0o2000000
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOVE_MOUNT_T_EMPTY_PATH = 0x40

# The same number on every machine since they were added.
_NR_OPEN_TREE = 428
_NR_MOVE_MOUNT = 429
_NR_MOUNT_SETATTR = 442

_FROM_AND_TO_DESCRIPTOR = c_uint(_MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH)
_EMPTY = c_char_p(b"")
# Bytes travel as a pointer to them: enough for what the kernel only reads, and making a ctypes array costs 50 us.
_MOUNT_ATTR = struct.Struct("=4Q").pack


def mount(source: str | None, target: str, type: str | None, flags: int, data: str | None = None) -> None:
    """mount(2); None travels as NULL."""  # noqa: D402 - the name of the call
    check(
        libc.mount(
            _bytes(source), target.encode("utf-8", "surrogateescape"), _bytes(type), c_ulong(flags), _bytes(data)
        ),
        target,
    )


def unmount(target: str, flags: int = 0) -> None:
    """Take a mount away: umount2(2)."""
    check(libc.umount2(target.encode("utf-8", "surrogateescape"), c_int(flags)), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """Exchange the root mount of the mount namespace."""
    check(
        libc.pivot_root(new_root.encode("utf-8", "surrogateescape"), put_old.encode("utf-8", "surrogateescape")),
        new_root,
    )


def copy_tree(source: str, recursive: bool) -> int:
    """Return a descriptor of a detached bind of a path, symbolic links followed."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    name = source.encode("utf-8", "surrogateescape")
    return check(syscall(_NR_OPEN_TREE, c_int(AT_FDCWD), c_char_p(name), c_uint(flags)), source)


def copy_tree_at(descriptor: int, recursive: bool) -> int:
    """Return a descriptor of a detached bind of what another descriptor names."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    return check(syscall(_NR_OPEN_TREE, c_int(descriptor), _EMPTY, c_uint(flags)), "open_tree")


def set_attributes(descriptor: int, set: int, clear: int, propagation: int = 0, recursive: bool = False) -> None:
    """
    Change a mount by its descriptor.

    :param set: and ``clear``: MOUNT_ATTR bits; to change the atime mode clear all of MOUNT_ATTR__ATIME.
    :param propagation: one of MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE; 0 leaves it.
    """
    wanted = _MOUNT_ATTR(set, clear, propagation, 0)
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    check(syscall(_NR_MOUNT_SETATTR, c_int(descriptor), _EMPTY, c_uint(flags), wanted, c_size_t(32)), "mount_setattr")


def attach(tree: int, target: int) -> None:
    """Mount a detached tree on what a descriptor names."""
    check(syscall(_NR_MOVE_MOUNT, c_int(tree), _EMPTY, c_int(target), _EMPTY, _FROM_AND_TO_DESCRIPTOR), "move_mount")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")
