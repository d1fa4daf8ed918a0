"""
Become another user, in a process that has one thread.

On Linux the calls of the C library change every thread that they believe to be
there.  After a raw clone(2) they believe in the threads of the parent, and may wait
for one for ever; so the kernel is called directly where its numbers are known.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: machine -> setgroups, setresuid, setresgid with 32-bit ids
_GENERIC = (159, 147, 149)
_OLD = (206, 208, 210)
_NUMBERS = {
    "x86_64": (116, 117, 119),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "ppc64": (81, 164, 169),
    "ppc64le": (81, 164, 169),
    "s390x": _OLD,
    "i686": _OLD,
    "armv7l": _OLD,
}
# A 32-bit program on a 64-bit kernel is told the kernel's machine.
_NOBODY_AT_ALL = 2**32 - 1
_FITS = sys.platform == "linux" and (sys.maxsize > 2**32) == (os.uname().machine not in ("i686", "armv7l"))
_KNOWN = _NUMBERS.get(os.uname().machine) if _FITS else None


def set_groups(groups: Sequence[int]) -> None:
    """Set the supplementary groups."""
    for each in groups:
        _check(each)
    if _KNOWN is None:
        os.setgroups(groups)
        return
    from runjd.kernel.libc import c_size_t, check, syscall

    check(syscall(_KNOWN[0], c_size_t(len(groups)), struct.pack(f"={len(groups)}I", *groups)), "setgroups")


def set_user(uid: int) -> None:
    """Set the real, effective and saved user id."""
    _check(uid)
    if _KNOWN is None:
        os.setresuid(uid, uid, uid)
    else:
        _set(_KNOWN[1], uid, "setresuid")


def set_group(gid: int) -> None:
    """Set the real, effective and saved group id."""
    _check(gid)
    if _KNOWN is None:
        os.setresgid(gid, gid, gid)
    else:
        _set(_KNOWN[2], gid, "setresgid")


def _check(id: int) -> None:
    """Refuse what the kernel would read as "leave it as it is", or as the id 0."""
    if not 0 <= id < _NOBODY_AT_ALL:
        raise OSError(errno.EINVAL, f"{id} is no id of a user or group")


def _set(number: int, id: int, name: str) -> None:
    from runjd.kernel.libc import c_uint, check, syscall

    value = c_uint(id)
    check(syscall(number, value, value, value), name)
