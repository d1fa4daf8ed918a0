"""
Make the pack of what one sort of call loads; see :mod:`runjd.bytecode`, which reads it.

It lies beside the bytecode of the modules, and is made where that may be.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.bytecode import Finder

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def keep(finder: Finder, name: str) -> None:
    """
    See to it that the next call of this sort finds in one place what this one has loaded.

    Whatever is in the way of that: the call has done its work without.
    """
    path = finder.pack(name)
    made = f"{path}.{os.getpid()}"
    try:
        descriptor = os.open(made, _NEW, 0o644)
    except OSError:
        return
    try:
        with open(descriptor, "wb", buffering=0) as file:
            known = finder.known()
            if file.write(known) != len(known):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.rename(made, path)
    except OSError:
        _remove(made)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # somebody was faster
