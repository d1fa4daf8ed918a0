"""
Be told when a jail runs out of memory.

Version 1: an eventfd(2) that is registered in ``cgroup.event_control``, and fires
once more when the group is removed.  Version 2: a poll(2) of ``memory.events``.
"""

from __future__ import annotations

import os
import select

from runjd.errors import Unsupported
from runjd.runtime.contract import MemoryWatch
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup.files import exists, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_READ = os.O_RDONLY | os.O_CLOEXEC
_CONTROL, _EVENTS = "memory.oom_control", "memory.events"


def watch_memory(kernel: Any, directories: Sequence[str]) -> MemoryWatch:
    """
    Watch the memory of groups.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :raise Unsupported: none of them has the controller.
    """
    for each in directories:
        try:
            if exists(kernel, f"{each}/{_CONTROL}"):
                return _Old(kernel, each)
            if exists(kernel, f"{each}/{_EVENTS}"):
                return _New(each)
        except OSError as error:
            raise failure(f"watch the memory of {each}", error) from error
    raise Unsupported("", "the container is in no control group of the controller memory, which counts its memory")


class _Old(MemoryWatch):
    events = select.POLLIN

    def __init__(self, kernel: Any, group: str) -> None:
        self._file = f"{group}/{_CONTROL}"
        self._control = os.open(self._file, _READ)
        self._event = -1
        try:
            self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            write_file(kernel, f"{group}/cgroup.event_control", f"{self._event} {self._control}")
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        return self._event

    def killed(self) -> bool:
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return False
        return os.path.exists(self._file)

    def close(self) -> None:
        for fd in (self._event, self._control):
            if fd >= 0:
                os.close(fd)


class _New(MemoryWatch):
    events = select.POLLPRI

    def __init__(self, group: str) -> None:
        self._file = os.open(f"{group}/{_EVENTS}", _READ)
        self._count = self._read()

    def fileno(self) -> int:
        return self._file

    def killed(self) -> bool:
        before, self._count = self._count, self._read()
        return self._count > before

    def close(self) -> None:
        os.close(self._file)

    def _read(self) -> int:
        try:
            text = os.pread(self._file, 4096, 0)
        except OSError:
            # the group was removed
            return 0
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(b"oom_kill "))
