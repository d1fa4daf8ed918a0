"""
One thread writes all logs, so that no disk ever stops the reactor.

What cannot be written (a full disk, an input/output error) is tried again until
it can; only the programs that log there wait meanwhile.  A file that was
deleted or renamed is made anew.  Files are opened beside, never through,
symbolic links, and in a directory that nobody else may write to.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import deque
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic

from runjd.logs.contract import LogFile, LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: seconds until a refused write is tried again
RETRY_DELAY = 0.5
_APPEND = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
#: seconds that the end of the daemon waits for a disk that hangs
_LAST_WRITES = 5.0
#: chunks written before anyone is told of them
_BATCH = 32


class ThreadWriter(LogWriter):
    """
    The writer of all logs of a daemon.

    :param tell: calls a callable in the thread of the others, as ``reactor.callFromThread``.
    :param trouble: told (by ``tell``) once when a log cannot be written, with the error, and once with None
        when it can be written again.
    :param retry_delay: seconds until a refused write is tried again.
    """

    def __init__(
        self,
        tell: Callable[[Callable[[], None]], object],
        trouble: Callable[[str, OSError | None], None],
        retry_delay: float = RETRY_DELAY,
    ) -> None:
        self._tell = tell
        self._trouble = trouble
        self._retry_delay = retry_delay
        self._given: SimpleQueue[_File | None] = SimpleQueue()
        self._refused: dict[_File, float] = {}
        self._opened: set[_File] = set()
        self._thread: threading.Thread | None = None

    def open(self, path: str) -> LogFile:
        return _File(self, path)

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._given.put(None)
            thread.join(_LAST_WRITES)

    def give(self, file: _File) -> None:
        """Let the thread look at a file that has something to do."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="runjd-logs", daemon=True)
            self._thread.start()
        self._given.put(file)

    def _work(self) -> None:
        is_last = False
        while not is_last:
            files, is_last = self._next()
            told: list[Callable[[], None]] = []
            for file in files:
                if file.work(told, self._trouble):
                    self._refused.pop(file, None)
                else:
                    self._refused[file] = monotonic() + self._retry_delay
                (self._opened.add if file.is_open else self._opened.discard)(file)
            if told:
                self._tell(partial(_call_all, told))
        while self._opened:
            self._opened.pop().let_go()

    def _next(self) -> tuple[list[_File], bool]:
        """Wait for files to work on; return them, and whether the writer shall end."""
        files: list[_File] = []
        is_last = False
        try:
            given = self._given.get(timeout=self._patience())
            while given is not None:
                # A refused log is tried again in its time, however often somebody writes to it.
                if given not in self._refused:
                    files.append(given)
                if len(files) >= _BATCH:
                    break
                given = self._given.get_nowait()
            else:
                is_last = True
        except Empty:
            pass
        now = monotonic()
        files += [file for file, at in self._refused.items() if at <= now or is_last]
        return files, is_last

    def _patience(self) -> float | None:
        return max(0.0, min(self._refused.values()) - monotonic()) if self._refused else None


class _File(LogFile):
    """
    One log; ``write`` and ``close`` belong to the others' thread, ``work`` to the writer's.

    The queue between them is a deque, whose ends are safe to use from two threads.
    """

    __slots__ = ("_end", "_fd", "_identity", "_is_closed", "_is_refused", "_queue", "_writer", "path")

    def __init__(self, writer: ThreadWriter, path: str) -> None:
        self._writer = writer
        self.path = path
        self._queue: deque[tuple[bytes, Callable[[int], None]]] = deque()
        self._fd = -1
        self._end = 0
        self._identity = (0, 0)
        self._is_closed = False
        self._is_refused = False

    def write(self, data: bytes, done: Callable[[int], None]) -> None:
        self._is_closed = False
        self._queue.append((data, done))
        self._writer.give(self)

    def close(self) -> None:
        self._is_closed = True
        self._writer.give(self)

    def work(self, told: list[Callable[[], None]], trouble: Callable[[str, OSError | None], None]) -> bool:
        """Write all that is queued; False where the disk refused."""
        try:
            while self._queue:
                data, done = self._queue[0]
                while data:
                    self._check()
                    written = os.write(self._fd, data)
                    self._end += written
                    data = data[written:]
                    if data:
                        self._queue[0] = (data, done)  # the rest, if the disk is full now
                self._queue.popleft()
                told.append(partial(done, self._end if self._fd >= 0 else _length(self.path)))
        except OSError as error:
            if not self._is_refused:
                self._is_refused = True
                told.append(partial(trouble, self.path, error))
            return False
        if self._is_refused:
            self._is_refused = False
            told.append(partial(trouble, self.path, None))
        if self._is_closed:
            self.let_go()
        return True

    @property
    def is_open(self) -> bool:
        """Whether it has a descriptor."""
        return self._fd >= 0

    def let_go(self) -> None:
        """Close the file; whoever writes to it again opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _check(self) -> None:
        """Make sure that the file is open and still the one of that name."""
        if self._fd >= 0:
            try:
                found = os.lstat(self.path)
                if (found.st_dev, found.st_ino) == self._identity:
                    self._end = found.st_size
                    return
            except FileNotFoundError:
                pass
            self.let_go()
        self._fd = _open(self.path)
        found = os.fstat(self._fd)
        self._identity = (found.st_dev, found.st_ino)
        self._end = found.st_size
        if self._end and os.pread(self._fd, 1, self._end - 1) != b"\n":
            self._end += os.write(self._fd, b"\n")  # the last life of the daemon ended within a record


def _call_all(calls: list[Callable[[], None]]) -> None:
    """Call all of them, whatever one of them raises; then raise the first of that."""
    first: Exception | None = None
    for call in calls:
        try:
            call()
        except Exception as error:
            first = first or error
    if first is not None:
        raise first


def _length(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _open(path: str) -> int:
    """
    Open a log for appending.

    :raise OSError: also where the directory or the file is not what it should be.
    """
    directory, name = os.path.split(path)
    directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(directory_fd)
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(errno.EPERM, "the directory of logs can be written to by others", directory)
        try:
            fd = os.open(name, _APPEND, dir_fd=directory_fd)
        except FileNotFoundError:
            fd = os.open(name, _APPEND | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=directory_fd)
            os.fchmod(fd, 0o640)  # whatever the umask is
    finally:
        os.close(directory_fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "is not a regular file", path)
    return fd
