"""
The input of a process: the writing end of a FIFO, or a terminal.

The descriptor is asked for with the first byte and given back when nobody types
any more, which spares one for each idle jail.  What the process does not read
is kept up to a limit, and whoever writes is told to wait.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import LimitReached
from runjd.protocols.jailoutput import IReactor, close_later

#: bytes that wait before the writer is told to wait
HIGH_WATER = 65_536
#: bytes that wait before a writer that does not wait is refused
LIMIT = 1_048_576
_END_OF_TRANSMISSION = b"\x04"


class Control(Protocol):
    """The keeper's part."""

    def open_stdin(self) -> Deferred[int]:
        """Return a descriptor of the writing end."""

    def close_stdin(self) -> object:
        """Close the keeper's end, too."""


class Process(Protocol):
    """Whose input this is."""

    def input_lost(self) -> None:
        """Nobody reads any more."""

    def duplicate_of_terminal(self) -> int:
        """Return a descriptor of the terminal for writing."""


@implementer(IWriteDescriptor)
class JailInput:
    """
    Writes what one or many viewers type.

    :param is_terminal: the end of the input is a character, as no half of a terminal can be closed.
    """

    __slots__ = (
        "_buffer",
        "_control",
        "_fd",
        "_is_asking",
        "_is_closed",
        "_is_closing",
        "_is_resting",
        "_is_terminal",
        "_is_writing",
        "_process",
        "_producer",
        "_reactor",
        "_waiting",
    )
    _log = Logger()

    def __init__(self, reactor: IReactor, process: Process, control: Control, is_terminal: bool) -> None:
        self._reactor = reactor
        self._process = process
        self._control = control
        self._is_terminal = is_terminal
        self._fd = -1
        self._buffer = bytearray()
        self._waiting: list[Deferred[None]] = []
        self._producer: _Producer | None = None
        self._is_asking = self._is_writing = False
        self._is_closing = self._is_closed = self._is_resting = False

    def write(self, data: bytes) -> Deferred[None] | None:
        """
        Write, now or when the process reads.

        :raise LimitReached: so much waits already that the writer cannot have heeded what it was told.
        """
        if self._is_closed or self._is_closing or not data:
            return None
        if len(self._buffer) + len(data) > LIMIT:
            raise LimitReached(f"the process does not read its input, and {len(self._buffer)} bytes wait")
        self._is_resting = False
        self._buffer += data
        self._push()
        if len(self._buffer) < HIGH_WATER:
            return None
        if self._producer is not None:
            self._producer.pause()
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def close(self) -> None:
        """Once all is written, say that nothing more comes."""
        if self._is_closed or self._is_closing:
            return
        if self._is_terminal:
            self.write(_END_OF_TRANSMISSION)
            return
        self._is_closing = True
        if not self._buffer:
            self._finish()

    def rest(self) -> None:
        """Once all is written, give our descriptor back; the input stays open."""
        self._is_resting = True
        if not self._buffer and not self._is_asking:
            self._drop_descriptor()

    def discard(self) -> None:
        """The process is gone, or no longer ours."""
        if self._is_closed:
            return
        self._is_closed = True
        self._drop_descriptor()
        self._buffer.clear()
        self._let_write()
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.stop()

    def register(self, producer: Any, streaming: bool) -> None:
        """Let one producer write as the process reads (IConsumer)."""
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        self._producer = _Producer(producer, streaming)
        if self._is_closed:
            self._producer.stop()
            self._producer = None
        elif not streaming:
            self._producer.resume()

    def unregister(self) -> None:
        """Forget the producer."""
        self._producer = None

    # --- IWriteDescriptor ------------------------------------------------------

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "jail input"

    def doWrite(self) -> None:
        if self._fd < 0 or not self._is_writing:
            return  # an event of the same turn, from before we were closed
        try:
            self._write_some()
        except Exception:
            self._log.failure("cannot write the input of a process")

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw that nobody reads, and has dropped us."""
        self._is_writing = False
        self._lose()

    # --- inside ------------------------------------------------------------------

    def _push(self) -> None:
        if self._fd >= 0:
            if not self._is_writing:
                self._write_some()
        elif not self._is_asking:
            self._ask()

    def _ask(self) -> None:
        if self._is_terminal:
            try:
                self._fd = self._process.duplicate_of_terminal()
            except OSError:
                self._lose()
                return
            self._write_some()
            return
        self._is_asking = True
        self._control.open_stdin().addCallbacks(self._opened, self._refused).addErrback(self._broken)

    def _opened(self, fd: int) -> None:
        self._is_asking = False
        if self._is_closed:
            os.close(fd)
            return
        os.set_blocking(fd, False)
        self._fd = fd
        self._write_some()

    def _refused(self, failure: Failure) -> None:
        self._is_asking = False
        self._lose()

    def _broken(self, failure: Failure) -> None:
        self._log.failure("cannot write the input of a process", failure)

    def _write_some(self) -> None:
        if self._buffer:
            try:
                with memoryview(self._buffer) as view, view[:HIGH_WATER] as part:
                    written = os.write(self._fd, part)
            except (BlockingIOError, InterruptedError):
                written = 0
            except OSError:  # EPIPE: nobody reads; EIO: the terminal is gone
                self._lose()
                return
            del self._buffer[:written]
        if self._buffer:
            if not self._is_writing:
                self._is_writing = True
                self._reactor.addWriter(self)
        else:
            self._stop_writing()
            if self._is_closing:
                self._finish()
            elif self._is_resting:
                self._drop_descriptor()
        if len(self._buffer) < HIGH_WATER // 2:
            self._let_write()

    def _let_write(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
        if self._producer is not None and not self._is_closed and not self._buffer:
            self._producer.resume()

    def _finish(self) -> None:
        self.discard()
        self._control.close_stdin()

    def _lose(self) -> None:
        if not self._is_closed:
            self.discard()
            self._process.input_lost()

    def _stop_writing(self) -> None:
        if self._is_writing:
            self._is_writing = False
            self._reactor.removeWriter(self)

    def _drop_descriptor(self) -> None:
        was_watched = self._is_writing
        self._stop_writing()  # before the close: the keeper has it open, too
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        if was_watched:
            close_later(self._reactor, fd)
        else:
            os.close(fd)


class _Producer:
    """A registered producer, and whether it was paused."""

    __slots__ = ("_is_paused", "_producer", "_streaming")

    def __init__(self, producer: Any, streaming: bool) -> None:
        self._producer = producer
        self._streaming = streaming
        self._is_paused = False

    def pause(self) -> None:
        if self._streaming and not self._is_paused:
            self._is_paused = True
            self._producer.pauseProducing()

    def resume(self) -> None:
        if self._is_paused or not self._streaming:
            self._is_paused = False
            self._producer.resumeProducing()

    def stop(self) -> None:
        self._producer.stopProducing()
