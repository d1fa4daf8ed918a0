"""
Files of control groups, through the kernel object that tests can replace.
"""

from __future__ import annotations

import os

from runjd.runtime.linux.cgroup.hierarchies import Host, parse_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_READ = os.O_RDONLY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 16
#: length of a path from which on the next name might be too much (PATH_MAX)
_LONG = 3500
#: links of a directory that has none in it, which spares the look at each of its many files
_EMPTY = 2


def read_host(kernel: Any, process: int | str = "self") -> Host:
    """
    Return which hierarchies there are where we are.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param process: the pid of the process whose groups count as one's own.
    """
    return parse_host(
        read_file(kernel, "/proc/self/mountinfo"),
        read_file(kernel, f"/proc/{process}/cgroup"),
        lambda mount: _look(kernel, mount),
    )


def read_file(kernel: Any, path: str) -> str:
    """Return all that a file says now."""
    descriptor = kernel.open(path, _READ)
    try:
        parts = []
        while part := kernel.read(descriptor, _CHUNK):
            parts.append(part)
        return bytes(b"".join(parts)).decode("utf-8", "surrogateescape")
    finally:
        kernel.close(descriptor)


def write_file(kernel: Any, path: str, text: str) -> None:
    """Write into a file that is there, in one system call, as each is a command of its own."""
    descriptor = kernel.open(path, _WRITE)
    try:
        kernel.write(descriptor, text.encode("utf-8", "surrogateescape"))
    finally:
        kernel.close(descriptor)


def exists(kernel: Any, path: str) -> bool:
    """Whether there is such a file or group."""
    try:
        kernel.stat(path)
    except OSError:
        return False
    return True


def groups_below(kernel: Any, directory: str) -> list[str]:
    """Return the groups in a group, themselves not searched; none where it is gone."""
    try:
        if kernel.stat(directory).st_nlink == _EMPTY:
            return []
        names = kernel.listdir(directory)
    except OSError:
        return []
    below = []
    for name in names:
        path = f"{directory}/{name}"
        try:
            kernel.close(kernel.open(path, _DIRECTORY))
        except OSError:
            continue
        below.append(path)
    return below


def tree(kernel: Any, directory: str) -> Iterator[str]:
    """
    Yield a group and all below it, those below first.

    A jail may have made more levels than a path has room for; they are reached from a
    group in the middle, by its descriptor, which is open as long as this goes on.
    """
    held = []
    try:
        found = [directory]
        for each in found:
            if len(each) < _LONG:
                found.extend(groups_below(kernel, each))
                continue
            try:
                held.append(kernel.open(each, _DIRECTORY))
            except OSError:
                continue
            found.extend(groups_below(kernel, f"/proc/self/fd/{held[-1]}"))
        yield from reversed(found)
    finally:
        for descriptor in held:
            kernel.close(descriptor)


def pids(kernel: Any, directory: str) -> set[int]:
    """Return the processes of a group and of those below it."""
    found: set[int] = set()
    for each in tree(kernel, directory):
        try:
            text = read_file(kernel, f"{each}/cgroup.procs")
        except OSError:
            # gone, or of threads only, whose processes the group above it has
            continue
        # 0: a process that is not in our pid namespace
        found.update(int(word) for word in text.split() if word != "0")
    return found


def _look(kernel: Any, mount: str) -> str | None:
    if not exists(kernel, f"{mount}/cgroup.procs"):
        return None
    try:
        return read_file(kernel, f"{mount}/cgroup.controllers")
    except FileNotFoundError:
        return ""
