"""
Be in the control groups of a jail: its init process when it is made, others that join it.
"""

from __future__ import annotations

import errno
import os

from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup.files import write_file
from runjd.runtime.linux.cgroup.hierarchies import parse_groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


_PATH = "linux.cgroupsPath"
_PROCESSES = "cgroup.procs"
_WRITE = os.O_WRONLY | os.O_CLOEXEC


def join_groups(kernel: Any, directories: Sequence[str]) -> None:
    """Let the calling process, and so its later children, be in these groups."""
    for each in directories:
        try:
            write_file(kernel, f"{each}/cgroup.procs", "0")
        except OSError as error:
            raise failure(f"join the control group {each}", error, _PATH) from error


class Doors:
    """
    The ways into the groups of a jail.

    :param init: pid of the init process.
    :raise RunjdError: a group is not there any more.
    """

    def __init__(self, directories: Sequence[str], init: int) -> None:
        self._doors: list[tuple[int, int]] = []
        try:
            for each in directories:
                self._open(each, init)
        except OSError as error:
            self.close()
            raise failure(f"enter the control group {error.filename}", error, _PATH) from error

    def enter(self) -> None:
        """Let the calling process be in the groups."""
        for group, nested in self._doors:
            try:
                os.write(group, b"0")
            except OSError as error:
                # With controllers for groups below it a group of version 2 takes no process: init has left it, too.
                if error.errno != errno.EBUSY or nested < 0:
                    raise
                os.write(nested, b"0")

    def close(self) -> None:
        """Let go of them."""
        for group, nested in self._doors:
            os.close(group)
            if nested >= 0:
                os.close(nested)
        self._doors = []

    def _open(self, directory: str, init: int) -> None:
        group = os.open(f"{directory}/{_PROCESSES}", _WRITE)
        try:
            nested = _nested(directory, init)
        except BaseException:
            os.close(group)
            raise
        self._doors.append((group, nested))


def _nested(directory: str, init: int) -> int:
    """Return a descriptor of the group below ours that the init process moved to; -1 where it did not."""
    if not os.path.exists(f"{directory}/cgroup.subtree_control"):
        return -1
    with open(f"/proc/{init}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        path = parse_groups(file.read()).get("", "")
    name = directory.rpartition("/")[2]
    _, found, inside = path.rpartition(f"/{name}/")
    if not found or ".." in inside.split("/"):
        return -1
    try:
        return os.open(f"{directory}/{inside}/{_PROCESSES}", _WRITE)
    except OSError:
        return -1
