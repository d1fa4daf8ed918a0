"""Files that somebody is about to put into a directory, told by inotify(7), as podman is told by it of conmon's."""

import ctypes
import os
from types import TracebackType
from typing import Self

_IN_CREATE, _IN_MOVED_TO = 0x100, 0x80


class Arrivals:
    """What comes into a directory, from now on."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_CLOEXEC)
        if libc.inotify_add_watch(self._fd, directory.encode(), _IN_CREATE | _IN_MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")

    def wait(self, name: str) -> None:
        """Wait until a file of that name is there."""
        while not os.path.exists(f"{self._directory}/{name}"):
            os.read(self._fd, 4096)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        os.close(self._fd)
