"""Copying the output of a process that cannot write to where it goes: a terminal's to a FIFO, a program's to a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.container.clientio import open_client_fifo
from runjd.containerd.sinks import Sink
from runjd.errors import RunjdError
from runjd.policy.facts import ExitRecord
from runjd.protocols.jailoutput import close_later
from runjd.protocols.jailprocess import JailProcess

_READ = 65_536


class Copying(ProcessProtocol):
    """
    The copying of one process; a :class:`runjd.containerd.process.Piping`.

    An output is not read again before what was read is written.

    :param sinks: by the number of the output.
    :param source: the FIFO that is typed into its terminal; None without.
    """

    transport: JailProcess | None = None

    def __init__(self, reactor: Any, sinks: Mapping[int, Sink], source: FifoSource | None) -> None:
        self._reactor = reactor
        self._sinks = sinks
        self._source = source
        self._unwritten = 0
        self._is_over = False
        self._waiting: list[Deferred[None]] = []

    def exited(self, record: ExitRecord) -> None:
        if self.transport is not None:
            self.transport.exited(record)

    def resize(self, rows: int, columns: int) -> None:
        if self.transport is not None:
            self.transport.resize(rows, columns)

    def close_input(self) -> None:
        if self._source is not None:
            self._source.end()

    def done(self) -> Deferred[None]:
        done: Deferred[None] = Deferred(self._forget)
        self._waiting.append(done)
        self._look()
        return done

    def let_go(self) -> None:
        if self.transport is not None:
            self.transport.let_go()
        if self._source is not None:
            self._source.close()
        for sink in self._sinks.values():
            sink.close()

    # --- ProcessProtocol -----------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        super().makeConnection(transport)  # type: ignore[no-untyped-call]
        if self._source is not None and self.transport is not None:
            self._source.start(self.transport.feed)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        sink, transport = self._sinks.get(childFD), self.transport
        if sink is None or transport is None:
            return
        transport.hold(childFD)
        self._unwritten += 1
        sink.write(data, partial(self._written, childFD))

    def processEnded(self, reason: Failure) -> None:
        self._is_over = True
        if self._source is not None:
            self._source.close()
        self._look()

    # --- inside -----------------------------------------------------------------------

    def _written(self, child_fd: int) -> None:
        self._unwritten -= 1
        if self.transport is not None:
            self.transport.release(child_fd)
        self._look()

    def _look(self) -> None:
        if self._is_over and not self._unwritten:
            for sink in self._sinks.values():
                sink.close()
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)

    def _forget(self, done: Deferred[None]) -> None:
        self._waiting = [each for each in self._waiting if each is not done]


@implementer(IReadDescriptor)
class FifoSource:
    """
    A FIFO whose bytes are typed into a terminal.

    An end for writing is ours, so that a client which goes away is no end of file.

    :raise RunjdError: there is no such FIFO.
    """

    _log = Logger()

    def __init__(self, reactor: Any, path: str) -> None:
        self._reactor = reactor
        self._fd = open_client_fifo(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self._writer = open_client_fifo(path, os.O_WRONLY | os.O_NONBLOCK)
        except RunjdError:
            os.close(self._fd)
            raise
        self._feed: Callable[[bytes], Deferred[None] | None] | None = None
        self._is_reading = False

    def start(self, feed: Callable[[bytes], Deferred[None] | None]) -> None:
        """Read, and feed it on; what that returns is waited for."""
        self._feed = feed
        self._read_on()

    def end(self) -> None:
        """No client comes any more: the end of what is queued is the end."""
        writer, self._writer = self._writer, -1
        if writer >= 0:
            os.close(writer)

    def close(self) -> None:
        """Read no more."""
        self.end()
        fd = self._fd
        if fd < 0:
            return
        if self._is_reading:
            self._is_reading = False
            self._reactor.removeReader(self)
        self._fd = -1
        close_later(self._reactor, fd)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "input of a task"

    def doRead(self) -> None:
        if self._fd < 0 or not self._is_reading or self._feed is None:
            return
        try:
            data = os.read(self._fd, _READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._log.error("the input of a task cannot be read: {error}", error=error)
            data = b""
        if not data:
            self.close()
            return
        fed = self._feed(data)
        if fed is not None:
            self._is_reading = False
            self._reactor.removeReader(self)
            fed.addBoth(lambda _: self._read_on())

    def connectionLost(self, reason: Failure) -> None:
        """Nobody has it open for writing."""
        self._is_reading = False
        self.close()

    def _read_on(self) -> None:
        if self._fd >= 0 and not self._is_reading:
            self._is_reading = True
            self._reactor.addReader(self)
