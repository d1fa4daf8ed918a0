"""Taking a container away where there is no daemon that could."""

from __future__ import annotations

import os
import time

from runjd.container.operations import Operations
from runjd.container.rootmounts import unmount_root
from runjd.errors import NoSuchJail, RunjdError
from runjd.runtime.choose import runtimes, wardens


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
    unmount_root(bundle)
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
