"""strace(1) as a source of faults: system calls of a process that is there fail for a while."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import Self

from tests.functional.daemon import PATIENCE, wait_until


class Faults:
    """
    Calls of a process that fail; as a context, until its end.

    :param pid: the process; all its threads, and those that it makes meanwhile.
    :param calls: what strace(1) takes behind ``inject=``, as ``fsync,fdatasync:error=EIO``.
    :param path: only calls that have to do with this path.
    :param children: those of its children, too, that are made meanwhile.
    """

    def __init__(self, pid: int, *calls: str, path: str = "", children: bool = False) -> None:
        assert shutil.which("strace"), "needs strace(1)"
        names = ",".join(each.partition(":")[0] for each in calls)
        words = ["strace", "-qq", *(["-f"] if children else []), "-o", "/dev/null"]
        words += ["-e", f"trace={names}", "-e", "signal=none"]
        for each in calls:
            words += ["-e", f"inject={each}"]
        words += ["-P", path] if path else []
        tasks = [str(pid)] if children else os.listdir(f"/proc/{pid}/task")
        self._tasks = tasks
        self._words = [*words, *(word for task in tasks for word in ("-p", task))]
        self._strace: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._strace = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(self._is_attached, "strace does not attach")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._strace is not None
        self._strace.send_signal(signal.SIGINT)
        _, complaint = self._strace.communicate(timeout=PATIENCE)
        assert not complaint, complaint

    def _is_attached(self) -> bool:
        assert self._strace is not None
        assert self._strace.poll() is None, "strace ended"
        return all(_tracer(task) == self._strace.pid for task in self._tasks)


def _tracer(task: str) -> int:
    with open(f"/proc/{task}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("TracerPid:"))
