"""Taking a container away where there is no daemon that could."""

from __future__ import annotations

import errno
import os
import sys
import time

from runjd.container.operations import Operations
from runjd.errors import NoSuchJail, RunjdError, RuntimeFailure
from runjd.runtime.choose import runtimes, wardens

#: mounts on top of each other, after which something is wrong
_LAYERS = 64


def clean(state: str, jail: str, bundle: str) -> int:
    """
    Kill and remove a container, and unmount what is mounted on its rootfs; the next daemon shall not know it.

    :param state: the state directory of the daemon.
    :param jail: its id there.
    :return: the pid of its first process, 0 where that is not known.
    :raise RunjdError: something could not be taken away.
    """
    root = f"{state}/state"
    pid = _remove(root, jail) if os.path.isdir(root) else 0
    _unmount(os.path.join(bundle, "rootfs"))
    _forget(f"{state}/tasks/{jail}.json")
    return pid


def _remove(root: str, jail: str) -> int:
    operations = Operations(root, runtimes(), time.time, wardens=wardens())
    try:
        pid = operations.state(jail).pid
    except NoSuchJail:
        return 0
    except RunjdError:
        pid = 0
    operations.delete(jail, force=True)
    return pid


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _unmount(path: str) -> None:
    """Take away all that is mounted on a directory."""
    for _ in range(_LAYERS):
        try:
            _unmount_one(path)
        except OSError as error:
            # EINVAL: no mount
            if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                return
            raise RuntimeFailure(f"unmount {path}", str(error.strerror), errno=error.errno or 0) from error


def _unmount_one(path: str) -> None:
    if sys.platform == "linux":
        from runjd.kernel.mount import MNT_DETACH, UMOUNT_NOFOLLOW, unmount

        unmount(path, MNT_DETACH | UMOUNT_NOFOLLOW)
    else:
        from runjd.kernel.freebsd.mount import MNT_FORCE, unmount

        unmount(path, MNT_FORCE)
