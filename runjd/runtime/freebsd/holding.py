"""
Enter and remove the very jail that is meant.

A jid is a number, which another jail may have by the time it is used.  Where the kernel
has descriptors of jails (FreeBSD 15), the jail is held by one first and looked at then.
Such a descriptor is inherited through execve(2), so it is closed at once.
"""

from __future__ import annotations

import errno
import os

from runjd.kernel.freebsd.jail import JAIL_GET_DESC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel

#: what a kernel says that has no descriptors: no such flag, no such call
_OLDER = (errno.EINVAL, errno.ENOSYS)


def is_at(path: object, home: str) -> bool:
    """Whether a jail has the root that is told of it."""
    return os.path.normpath(str(path)) == os.path.normpath(home)


def enter(kernel: FreeBSDKernel, jid: int, home: str) -> None:
    """
    Go into a jail: all threads, for good.  No directory may be open.

    :param home: real path of its root; empty where we made it just now.
    :raise OSError: it is gone (EINVAL, ENOENT); EPERM.
    """
    _do(kernel, jid, home, kernel.jail_attach_jd, kernel.jail_attach)


def remove(kernel: FreeBSDKernel, jid: int, home: str) -> None:
    """
    Kill all processes of a jail and let it end.

    :raise OSError: it is gone (EINVAL, ENOENT).
    """
    _do(kernel, jid, home, kernel.jail_remove_jd, kernel.jail_remove)


def _do(
    kernel: FreeBSDKernel, jid: int, home: str, by_descriptor: Callable[[int], None], by_jid: Callable[[int], None]
) -> None:
    try:
        found = kernel.jail_get((("jid", jid),), ("path", "desc"), JAIL_GET_DESC)
    except OSError as error:
        if error.errno not in _OLDER:
            raise
        by_jid(jid)
        return
    descriptor = int(str(found["desc"]))
    try:
        if home and not is_at(found["path"], home):
            raise FileNotFoundError(errno.ENOENT, f"jail {jid} is another one by now")
        by_descriptor(descriptor)
    finally:
        kernel.close(descriptor)
