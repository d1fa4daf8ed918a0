"""
One output of a process: the reading end of a FIFO, or the master of a pty.

A FIFO ends when no process has it open any more.  A pty says EIO instead, and
means only that nobody has it open *now*: while the process lives it is looked
at again later.  What was written while no daemon was there comes first.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import termios
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTCP, IReactorTime, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.policy.facts import ExitRecord
from runjd.protocols.jailspool import JailSpool
from runjd.protocols.loan import Loan

#: bytes of one read; there is one read for each stream and turn of the reactor
READ_SIZE = 131_072
#: bytes that a pipe of Linux holds, unless it is told otherwise
_FULL = 65_536
#: seconds until a pty that nobody has open is looked at again
_PTY_DELAY = 0.2
#: seconds until an output is watched again that the system would not watch
_AGAIN = 1.0
#: What little is read comes here, and is copied.  A block of READ_SIZE for each read fits into no hole of the heap, so
#: the few bytes that are left of it would lie at the upper end, and hold all below it as long as somebody keeps them.
_room = memoryview(bytearray(READ_SIZE))


class IReactor(IReactorFDSet, IReactorTCP, IReactorTime):
    """What is needed of a reactor."""


class Process(Protocol):
    """Whose output this is."""

    exit: ExitRecord | None

    def output_came(self, child_fd: int, data: bytes) -> None:
        """Something was read."""

    def output_ended(self, child_fd: int) -> None:
        """Nothing more comes."""


@implementer(IReadDescriptor)
class JailOutput:
    """
    :ivar child_fd: which output it is, 1 or 2.
    :param fd: the descriptor; closed by us.
    """  # noqa: D205

    __slots__ = (
        "_fd",
        "_holds",
        "_is_flooding",
        "_is_reading",
        "_is_terminal",
        "_is_wide",
        "_loan",
        "_process",
        "_reactor",
        "_retry",
        "_spool",
        "child_fd",
    )
    _log = Logger()

    def __init__(self, reactor: IReactor, process: Process, child_fd: int, fd: int, is_terminal: bool) -> None:
        os.set_blocking(fd, False)
        self._reactor = reactor
        self._process = process
        self.child_fd = child_fd
        self._fd = fd
        self._is_terminal = is_terminal
        self._holds = 1  # until it is started
        self._is_reading = False
        self._is_flooding = False
        self._is_wide = False
        self._loan: Loan | None = None
        self._retry: IDelayedCall | None = None
        self._spool: JailSpool | None = None

    def precede(self, fd: int) -> None:
        """
        Read this file before anything else.

        :param fd: closed by us.
        """
        if self._fd < 0:
            os.close(fd)
            return
        self._take_back()
        self._stop_reading()
        if self._spool is not None:
            self._spool.close()  # the keeper has gone on writing the same one, or we have read all of it
        self._spool = JailSpool(self._reactor, fd, self._spool_came, self._spool_ended)
        self._go_on()

    def start(self) -> None:
        """Read from the reactor's next turn on."""
        self.release()

    def hold(self) -> None:
        """Read no more until released as often as held."""
        self._take_back()
        self._holds += 1
        self._stop_reading()
        if self._spool is not None:
            self._spool.stop()

    def release(self) -> None:
        """Take back one hold."""
        self._take_back()
        self._holds -= 1
        self._go_on()

    def lend(self) -> Loan | None:
        """
        Let another thread read, while we are held.

        :return: None for a terminal, which gives out little at once, and once the process exited, for then we read
            what is left in one go.
        """
        if self._is_terminal or self._is_reading or self._fd < 0 or self._process.exit is not None:
            return None
        if self._spool is not None:
            return None
        self._loan = Loan(self._fd, READ_SIZE)
        return self._loan

    def drain(self) -> None:
        """
        The process exited: read what it wrote, whoever holds us.

        What comes later, from grandchildren, is read as ever.
        """
        if self._fd < 0:
            return
        self._take_back()
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.drain()
        missing = READ_SIZE if self._is_terminal else _readable(self._fd)
        while missing > 0:
            size = self._read_once(missing)
            if size <= 0:
                return  # the end, or (a pty) nothing there
            missing -= size
        if self._fd >= 0:
            self._read_once(READ_SIZE)  # finds the end at once where no grandchild is left

    def end(self) -> None:
        """Close, and tell."""
        if self._fd >= 0:
            self.close()
            self._process.output_ended(self.child_fd)

    def close(self) -> None:
        """Close; tell nobody."""
        self._take_back()
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self._retry = None
        if self._is_reading:
            self._is_reading = False
            self._fd = fd  # the reactor asks for it
            self._reactor.removeReader(self)  # before the close: the keeper has it open, too
            self._fd = -1
        close_later(self._reactor, fd)

    # --- IReadDescriptor -----------------------------------------------------

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "jail output"

    def doRead(self) -> None:
        # The reactor may have taken this event before we were held or closed in the same turn.
        if self._fd < 0 or not self._is_reading:
            return
        try:
            self._read_once(READ_SIZE)
        except Exception:
            self._log.failure("cannot read the output of a process")

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw a hang-up without data, and has dropped us."""
        self._is_reading = False
        if self._fd >= 0:
            self._nobody_writes()

    # --- inside ---------------------------------------------------------------

    def _go_on(self) -> None:
        """Read, if nobody holds us: what is spooled first."""
        if self._holds != 0 or self._fd < 0:
            return
        if self._spool is not None:
            self._spool.start()
        elif self._retry is None and not self._is_reading:
            self._is_reading = True
            try:
                self._reactor.addReader(self)
            except OSError as error:  # for want of memory, see epoll_ctl(2) and kevent(2)
                self._is_reading = False
                self._log.error("the output of a process is not read for a while: {error}", error=error)
                self._retry = self._reactor.callLater(_AGAIN, self._look_again)

    def _spool_came(self, data: bytes) -> None:
        self._process.output_came(self.child_fd, data)

    def _spool_ended(self) -> None:
        self._spool = None
        self._go_on()

    def _read_once(self, size: int) -> int:
        """Read and deliver; return how much, 0 at the end, -1 where nothing is there."""
        try:
            if self._is_flooding:
                data = os.read(self._fd, size)
            else:
                data = bytes(_room[: os.readv(self._fd, (_room[:size],))])
        except (BlockingIOError, InterruptedError):
            return -1
        except OSError as error:
            if error.errno != errno.EIO:
                self._log.failure("cannot read the output of a process; it is closed")
                self.end()
                return 0
            data = b""
        if not data:
            self._nobody_writes()
            return 0
        self._is_flooding = len(data) >= _FULL
        if self._is_flooding and not self._is_wide:
            self._widen()
        self._process.output_came(self.child_fd, data)
        return len(data)

    def _widen(self) -> None:
        """Let the pipe of a program that writes much hold as much as we read at once, which halves the turns."""
        self._is_wide = True
        if not self._is_terminal and hasattr(fcntl, "F_SETPIPE_SZ"):
            try:
                if fcntl.fcntl(self._fd, fcntl.F_GETPIPE_SZ) < READ_SIZE:
                    fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, READ_SIZE)
            except OSError:
                return  # a user has only so much (pipe-user-pages-soft); it goes on as it was

    def _nobody_writes(self) -> None:
        if not self._is_terminal or self._process.exit is not None:
            self.end()
        elif self._retry is None:
            self._stop_reading()
            self._retry = self._reactor.callLater(_PTY_DELAY, self._look_again)

    def _look_again(self) -> None:
        self._retry = None
        self._holds += 1
        self.release()

    def _take_back(self) -> None:
        if self._loan is not None:
            self._loan.take_back()
            self._loan = None

    def _stop_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._reactor.removeReader(self)


def close_later(reactor: IReactorTime, fd: int) -> None:
    """
    Close a descriptor that a reactor has watched, in the reactor's next turn.

    This turn may hold another event for its number, which whoever got the number
    meanwhile (a new connection, the control socket) would take for its own.
    """
    reactor.callLater(0, os.close, fd)


def _readable(fd: int) -> int:
    """Return how many bytes can be read now."""
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]
