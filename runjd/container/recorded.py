"""
What is on record of a container, for who only looks: without waiting for whoever works on it.

Who is told of an end waits for it, so it is one file that is read, and of its record what a runtime needs.
"""

from __future__ import annotations

import os

from runjd.container.bundle import read_all
from runjd.container.state import Damaged, decode_held
from runjd.container.store import STATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LIMIT = 16 << 20


def finder(root: str) -> Callable[[str], Held | None]:
    """
    Return what returns the record of a container, None where there is none that can be read.

    :param root: the state directory, which is nobody else's.
    """
    directory = os.path.abspath(root)

    def find(id: str) -> Held | None:
        try:
            fd = os.open(f"{directory}/{id}/{STATE}", _READ)
            try:
                held = decode_held(read_all(fd, _LIMIT))
            finally:
                os.close(fd)
        except (Damaged, OSError):
            return None
        return held if held.id == id else None

    return find
