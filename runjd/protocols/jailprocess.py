"""
A process of a jail as Twisted knows processes, on descriptors that the keeper passed.

The ProcessProtocol on top sees what it would see of ``reactor.spawnProcess``;
what differs is below: output comes out of FIFOs whose other end the jail holds
open for reading and writing, or out of a pty; the exit comes as a record of the
keeper, so what the process wrote before is asked for with FIONREAD; and the
keeper holds every descriptor too, so a descriptor must leave epoll before it
is closed here, else its events haunt us.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal as signals
import struct
import termios
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProcessProtocol,
    IProcessTransport,
    IPushProducer,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.policy.facts import ExitRecord
from runjd.protocols.jailinput import JailInput
from runjd.protocols.jailoutput import IReactor, JailOutput
from runjd.protocols.loan import Loan

#: seconds that grandchildren which still hold the output get after the exit
DRAIN_LIMIT = 1.0

_OUT, _ERR = 1, 2


class Control(Protocol):
    """What only the parent of a process can do: the keeper's part."""

    def signal(self, signum: int) -> object:
        """Send a signal; whatever comes of it is not waited for."""

    def open_stdin(self) -> Deferred[int]:
        """Return a descriptor of the writing end of standard input; fails where it is closed."""

    def close_stdin(self) -> object:
        """Close the keeper's writing end, and remember that it is closed."""


@implementer(IProcessTransport, IConsumer, IPushProducer)
class JailProcess:
    """
    The transport of one process.

    :param reactor: watches descriptors, and the drain limit.
    :param protocol: hears what the process does.
    :param control: the keeper's part.
    :param pid: the process on the host.
    :param outputs: descriptor of standard output (1) and error (2); a terminal has only 1. They are ours now.
    :param terminal: the output is the master of a pty, which also takes the input.
    :param drain_limit: seconds between the exit and the end, while grandchildren hold the output.
    :ivar exit: how it ended, once it did.
    """

    __slots__ = (
        "_control",
        "_drain_call",
        "_drain_limit",
        "_input",
        "_is_ended",
        "_outputs",
        "_protocol",
        "_reactor",
        "exit",
        "pid",
        "terminal",
    )
    _log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        protocol: IProcessProtocol,
        control: Control,
        pid: int,
        outputs: Mapping[int, int],
        terminal: bool = False,
        drain_limit: float = DRAIN_LIMIT,
    ) -> None:
        self.pid = pid
        self.terminal = terminal
        self.exit: ExitRecord | None = None
        self._reactor = reactor
        self._protocol = protocol
        self._control = control
        self._drain_limit = drain_limit
        self._drain_call: IDelayedCall | None = None
        self._is_ended = False
        self._input: JailInput | None = None
        self._outputs = tuple(
            JailOutput(reactor, self, child_fd, fd, terminal) for child_fd, fd in sorted(outputs.items())
        )

    # --- what the supervisor does ------------------------------------------

    def precede(self, child_fd: int, fd: int) -> None:
        """Read a file, which is ours now, before that output goes on: what was written while no daemon was there."""
        output = self._output(child_fd)
        if output is not None:
            output.precede(fd)
        else:
            os.close(fd)

    def connect(self) -> None:
        """Let the protocol hear of the process from the reactor's next turn on."""
        self._guard(self._protocol.makeConnection, self)
        for output in self._outputs:
            output.start()

    def exited(self, record: ExitRecord) -> None:
        """
        Tell the protocol all that the process wrote, then that it exited.

        ``processEnded`` follows when nobody holds the output any more, at the
        latest after the drain limit.
        """
        if self.exit is not None or self._is_ended:
            return
        self.exit = record
        if self._input is not None:
            self._input.discard()
        for output in self._outputs:
            output.drain()
        self._guard(self._protocol.processExited, self._reason())
        if self._outputs:
            self._drain_call = self._reactor.callLater(self._drain_limit, self._cut)
        else:
            self._end()

    def let_go(self) -> None:
        """Close our descriptors and tell nobody; the keeper keeps its own, and the process goes on."""
        self._is_ended = True
        self._close_all()

    def hold(self, child_fd: int) -> None:
        """Do not read that output until released as often as held."""
        output = self._output(child_fd)
        if output is not None:
            output.hold()

    def release(self, child_fd: int) -> None:
        """Take back one :meth:`hold`."""
        output = self._output(child_fd)
        if output is not None:
            output.release()

    def lend(self, child_fd: int) -> Loan | None:
        """Let another thread read an output that is held, until it is released; None where that cannot be."""
        output = self._output(child_fd)
        return output.lend() if output is not None else None

    def feed(self, data: bytes) -> Deferred[None] | None:
        """Write to standard input; see :meth:`runjd.interfaces.ISession.write`."""
        return self._needed_input().write(data) if self.exit is None and not self._is_ended else None

    def idle_input(self) -> None:
        """Nobody types any more: give our writing end back, which closes nothing for the process."""
        if self._input is not None and not self.terminal:
            self._input.rest()

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the terminal; the processes on it get SIGWINCH from the kernel."""
        output = self._output(_OUT)
        if self.terminal and output is not None:
            try:
                fcntl.ioctl(output.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            except OSError:
                self._log.failure("cannot resize the terminal of process {pid}", pid=self.pid)

    # --- IProcessTransport -------------------------------------------------

    def write(self, data: bytes) -> None:
        self.feed(data)

    def writeSequence(self, seq: Any) -> None:
        self.feed(b"".join(seq))

    def writeToChild(self, childFD: int, data: bytes) -> None:
        if childFD != 0:
            raise KeyError(childFD)
        self.feed(data)

    def closeStdin(self) -> None:
        if self.exit is None and not self._is_ended:
            self._needed_input().close()

    def closeStdout(self) -> None:
        self.closeChildFD(_OUT)

    def closeStderr(self) -> None:
        self.closeChildFD(_ERR)

    def closeChildFD(self, descriptor: int) -> None:
        if descriptor == 0:
            self.closeStdin()
        elif (output := self._output(descriptor)) is not None:
            output.end()

    def loseConnection(self) -> None:
        self.closeStdin()
        self.closeStderr()
        self.closeStdout()

    def signalProcess(self, signalID: str | int) -> None:
        if self.exit is not None:
            raise ProcessExitedAlready
        self._control.signal(_signal_number(signalID))

    def getPeer(self) -> Any:
        return self.pid

    def getHost(self) -> Any:
        return os.getpid()

    # --- IConsumer: producers of standard input ----------------------------

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.exit is not None or self._is_ended:
            producer.stopProducing()
        else:
            self._needed_input().register(producer, streaming)

    def unregisterProducer(self) -> None:
        if self._input is not None:
            self._input.unregister()

    # --- IPushProducer: the output ------------------------------------------

    def pauseProducing(self) -> None:
        for output in self._outputs:
            output.hold()

    def resumeProducing(self) -> None:
        for output in self._outputs:
            output.release()

    def stopProducing(self) -> None:
        self.loseConnection()

    # --- what the channels tell ----------------------------------------------

    def output_came(self, child_fd: int, data: bytes) -> None:
        """An output channel read something."""
        self._guard(self._protocol.childDataReceived, child_fd, data)

    def output_ended(self, child_fd: int) -> None:
        """An output channel reached its end, or was closed."""
        output = self._output(child_fd)
        self._outputs = tuple(each for each in self._outputs if each is not output)
        if output is None or self._is_ended:
            return
        self._guard(self._protocol.childConnectionLost, child_fd)
        if not self._outputs and self.exit is not None and self._drain_call is not None:
            self._end()

    def input_lost(self) -> None:
        """Nobody reads standard input any more."""
        if not self._is_ended:
            self._guard(self._protocol.childConnectionLost, 0)

    def descriptor_of_terminal(self) -> int:
        """Return the terminal's descriptor, which stays ours; -1 where there is none, or no longer."""
        output = self._output(_OUT)
        return output.fileno() if self.terminal and output is not None else -1

    def duplicate_of_terminal(self) -> int:
        """Return a descriptor of its own for writing: a reactor knows only one selectable for each."""
        output = self._output(_OUT)
        if output is None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return fcntl.fcntl(output.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)

    # --- inside -------------------------------------------------------------

    def _output(self, child_fd: int) -> JailOutput | None:
        for output in self._outputs:
            if output.child_fd == child_fd:
                return output
        return None

    def _needed_input(self) -> JailInput:
        if self._input is None:
            self._input = JailInput(self._reactor, self, self._control, self.terminal)
        return self._input

    def _cut(self) -> None:
        """The drain limit is over: read what is there, and let go of whoever still holds the output."""
        self._drain_call = None
        for output in self._outputs:
            output.drain()
        for output in self._outputs:
            output.end()
        self._end()

    def _end(self) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        self._close_all()
        self._guard(self._protocol.processEnded, self._reason())

    def _close_all(self) -> None:
        if self._drain_call is not None and self._drain_call.active():
            self._drain_call.cancel()
        self._drain_call = None
        for output in self._outputs:
            output.close()
        self._outputs = ()
        if self._input is not None:
            self._input.discard()

    def _reason(self) -> Failure:
        record = self.exit
        if record is None or not record.is_known:
            return _failure(ProcessTerminated())  # type: ignore[no-untyped-call]
        return _reason_of(record.status, record.signal)

    def _guard(self, tell: Any, *words: object) -> None:
        """Whatever a protocol raises must not reach the reactor, which would drop the descriptor."""
        try:
            tell(*words)
        except Exception:
            self._log.failure("the protocol of process {pid} failed in {what}", pid=self.pid, what=tell.__name__)


@lru_cache(maxsize=32)
def _reason_of(status: int | None, signal: int | None) -> Failure:
    """Return why a process ended, which is made once: who is to be told of an end waits for it."""
    if status == 0:
        return _failure(ProcessDone(0))  # type: ignore[no-untyped-call]
    return _failure(ProcessTerminated(status, signal))  # type: ignore[no-untyped-call]


def _failure(reason: Exception) -> Failure:
    return Failure(reason)  # type: ignore[no-untyped-call]


def _signal_number(signal: str | int) -> int:
    if isinstance(signal, int):
        return signal
    number = getattr(signals, signal if signal.startswith("SIG") else f"SIG{signal}", None)
    if number is None:
        raise ValueError(f"no signal named {signal}")
    return int(number)
