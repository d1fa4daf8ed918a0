"""
Finds what tests left behind: processes, mounts, and things in the reactor.

A jail's processes carry no mark of ours in their environment, so they are known
by the directory that the test made: it stands in their command line, is their
root or working directory, holds a file they have open, or is mounted in their
mount namespace, where its path may begin anywhere (proc_pid_mountinfo(5)).
"""

import os
import sys
import time
from collections.abc import Callable


class Leftovers:
    """
    Looks for processes and mounts that refer to a directory.

    :param directory: absolute path that nothing outside the test uses.
    :param patience: seconds that the kernel gets to tear down a namespace.
    """

    def __init__(self, directory: str, patience: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._patience = patience
        self._clock = clock
        self._device, self._inside = _place_of(directory)

    def found(self) -> list[str]:
        """Return a line for each thing that is still there once patience is used up."""
        deadline = self._clock() + self._patience
        while True:
            left = [f"mount {point}" for point in self._mounts("self")]
            left += [f"process {pid} ({_command(str(pid))}): {why}" for pid, why in self.processes().items()]
            if not left or self._clock() >= deadline:
                return left
            time.sleep(0.02)

    def processes(self) -> dict[int, str]:
        """Return the pids of the processes, and what tells that they belong here."""
        seen = ((int(pid), self._why(pid)) for pid in _pids() if int(pid) != os.getpid())
        return {pid: why for pid, why in seen if why}

    def _why(self, pid: str) -> str:
        if self._directory in _command(pid):
            return "named on its command line"
        for link in ("root", "cwd", "exe", *_descriptors(pid)):
            if _holds(self._directory, _read_link(f"/proc/{pid}/{link}")):
                return link
        if _read_link(f"/proc/{pid}/ns/mnt") != _read_link("/proc/self/ns/mnt") and self._mounts(pid):
            return "mounted in its namespace"
        return ""

    def _mounts(self, pid: str) -> list[str]:
        return [
            point
            for device, inside, point in _mount_table(pid)
            if _holds(self._directory, point) or (device == self._device and _holds(self._inside, inside))
        ]


def open_files() -> set[str]:
    """Return the files below directories of tests that this process has open; Linux."""
    found = set()
    for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if target.startswith("/tmp/runjd-test-"):
            found.add(target)
    return found


def own_children() -> set[int]:
    """Return the pids of the children of this process, zombies included; -1 where one exists that /proc cannot name."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return set()
    own = str(os.getpid())
    return {int(pid) for pid in _pids() if _parent(pid) == own} or {-1}


def reactor_leftovers() -> list[object]:
    """Return delayed calls, readers and writers of the reactor, if one was loaded, once it did what is due now."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return []
    if reactor.getDelayedCalls():
        reactor.runUntilCurrent()
    own: set[object] = getattr(reactor, "_internalReaders", set())
    return [
        *reactor.getDelayedCalls(),
        *(each for each in reactor.getReaders() if each not in own),
        *reactor.getWriters(),
    ]


def _holds(directory: str, path: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def _place_of(directory: str) -> tuple[str, str]:
    """Return the file system that a directory is on, as mount tables name it, and its path there."""
    device, inside, point = "", "", ""
    for each in _mount_table("self"):
        if _holds(each[2].rstrip("/"), directory) and len(each[2]) >= len(point):
            device, inside, point = each
    return device, inside.rstrip("/") + directory[len(point.rstrip("/")) :]


def _mount_table(pid: str) -> list[tuple[str, str, str]]:
    """Return device, path inside of the file system, and mount point of each mount of a process."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as table:
            rows = [line.split(" ") for line in table]
    except OSError:
        return []
    return [(row[2], row[3], row[4]) for row in rows]


def _pids() -> list[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _parent(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[1].decode()
    except OSError:
        return ""


def _command(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            return words.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _descriptors(pid: str) -> list[str]:
    try:
        return [f"fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
