"""Where the output of a process is copied to: a FIFO of a client, or a file."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.container.clientio import open_client_fifo
from runjd.container.failure import words
from runjd.errors import InputOutput, RunjdError
from runjd.protocols.jailoutput import close_later

_log = Logger()


class Sink(Protocol):
    """Takes output."""

    def write(self, data: bytes, written: Callable[[], None]) -> None:
        """Take this, and call back once it is there; it may be asked for more before."""

    def close(self) -> None:
        """Take no more; what was not written is lost."""


@implementer(IWriteDescriptor)
class FifoSink:
    """
    A FIFO, or a pipe.

    :param fd: non-blocking, and ours now.
    """

    def __init__(self, reactor: Any, fd: int) -> None:
        self._reactor = reactor
        self._fd = fd
        self._queue: deque[tuple[memoryview, Callable[[], None]]] = deque()
        self._is_waiting = False

    def write(self, data: bytes, written: Callable[[], None]) -> None:
        if self._fd < 0:
            written()
            return
        self._queue.append((memoryview(data), written))
        self._flush()

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        if self._is_waiting:
            self._fd = fd  # the reactor asks for it
            self._reactor.removeWriter(self)
            self._fd = -1
        close_later(self._reactor, fd)
        queue, self._queue = self._queue, deque()
        for _, written in queue:
            written()

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "output of a task"

    def doWrite(self) -> None:
        self._flush()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has dropped us."""
        self._is_waiting = False
        self.close()

    def _flush(self) -> None:
        while self._queue and self._fd >= 0:
            data, written = self._queue[0]
            try:
                size = os.write(self._fd, data)
            except BlockingIOError:
                self._wait(True)
                return
            except OSError as error:  # a pipe whose reader is gone
                _log.warn("output goes nowhere any more: {error}", error=error.strerror)
                self.close()
                return
            if size < len(data):
                self._queue[0] = (data[size:], written)
            else:
                self._queue.popleft()
                written()
        self._wait(False)

    def _wait(self, is_waiting: bool) -> None:
        if is_waiting is self._is_waiting or self._fd < 0:
            return
        self._is_waiting = is_waiting
        if is_waiting:
            self._reactor.addWriter(self)
        else:
            self._reactor.removeWriter(self)


class FileSink:
    """
    A file that is appended to, by threads; never two at once, so that nothing changes its place.

    :param files: does something with the file off the reactor: takes its path, the call, and the words for that.
    """

    def __init__(self, files: Callable[..., Deferred[Any]], path: str) -> None:
        self._files = files
        self._path = path
        self._queue: deque[tuple[bytes, Callable[[], None]]] = deque()
        self._fd = -1
        self._is_busy = False
        self._is_closed = False
        self._is_broken = False

    def write(self, data: bytes, written: Callable[[], None]) -> None:
        self._queue.append((data, written))
        self._go_on()

    def close(self) -> None:
        self._is_closed = True
        self._go_on()

    def _go_on(self) -> None:
        if self._is_busy:
            return
        if self._queue:
            self._is_busy = True
            appended = self._files(self._path, self._append, self._queue[0][0])
            appended.addErrback(self._failed).addCallback(self._written)
        elif self._is_closed and self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._files(self._path, os.close, fd).addErrback(self._failed)

    def _append(self, data: bytes) -> None:
        if self._fd < 0:
            self._fd = open_log(self._path)
        while data:
            data = data[os.write(self._fd, data) :]

    def _failed(self, failure: Failure) -> None:
        if not self._is_broken:
            self._is_broken = True
            _log.error("output is lost, {path} cannot be written: {error}", path=self._path, error=failure.value)

    def _written(self, _: None) -> None:
        self._is_busy = False
        written = self._queue.popleft()[1]
        written()
        self._go_on()


class NoSink:
    """Nobody will ever read it: a FIFO that is gone."""

    def write(self, data: bytes, written: Callable[[], None]) -> None:
        written()

    def close(self) -> None:
        """Nothing is open."""


def open_log(path: str) -> int:
    """
    Open a file for appending; it is made, with the directories that lead to it.

    :raise InputOutput: it cannot be; it is a FIFO, whose readers could keep a thread for good.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        os.makedirs(os.path.dirname(path) or "/", 0o755, exist_ok=True)
        fd = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _no_log(path) from None
        number = errno.ENOTDIR if isinstance(error, FileExistsError) else error.errno or 0
        raise InputOutput(f"cannot open the log {path}: {words(number)}") from error
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise _no_log(path)
    os.set_blocking(fd, True)
    return fd


def check_log(path: str) -> None:
    """Open a file for appending, and close it. :raise InputOutput: it cannot be; see :func:`open_log`."""
    os.close(open_log(path))


def _no_log(path: str) -> InputOutput:
    return InputOutput(f"the log {path} is no file that can be written to; name a FIFO by fifo://")


def fifo_sink(reactor: IReactorFDSet, path: str) -> Sink:
    """Return what writes to a FIFO, which is ours for reading, too; where it is gone, what writes to nobody."""
    try:
        return FifoSink(reactor, open_client_fifo(path, os.O_RDWR | os.O_NONBLOCK))
    except RunjdError as error:
        _log.warn("output goes nowhere: {error}", error=error)
        return NoSink()
