"""
Shows the terminal of a process on the terminal of the caller.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import struct
import termios

from runjd.cli.terminal import Terminal, is_gone, window_size
from runjd.errors import InputOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence
else:
    import _signal

_CHUNK = 1 << 16
#: what is typed is not read further while so much was not taken by the program
_PENDING = 1 << 16
_END_OF_TRANSMISSION = b"\x04"


class Relay:
    """
    The caller's 0 and 1 on one side, the master of a pty on the other.

    :param pid: the process, a child of ours.
    :param master: closed at the end.
    :param forwarded: signals that are blocked now, and are passed on.
    """

    def __init__(self, pid: int, master: int, forwarded: Sequence[int]) -> None:
        self._pid = pid
        self._master = master
        self._forwarded = forwarded
        self._typed = b""
        self._has_input = True
        self._is_terminal = False
        self._status: int | None = None
        self._poll = select.poll()
        self._terminal: Terminal | None = None

    def run(self) -> int | None:
        """Relay until the process ends or lets go of its terminal; return its wait status, None where it goes on."""
        os.set_blocking(self._master, False)
        wake, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signals = [*self._forwarded, _signal.SIGCHLD]
        before = [(number, _signal.signal(number, _nothing)) for number in signals]
        _signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, signals)
        try:
            self._is_terminal = os.isatty(0)
            if self._is_terminal:
                self._terminal = Terminal(0)
                self._terminal.enter()
            self._loop(wake)
        finally:
            if self._terminal is not None:
                self._terminal.leave()
            _signal.pthread_sigmask(_signal.SIG_BLOCK, signals)
            _signal.set_wakeup_fd(-1)
            for number, disposition in before:
                _signal.signal(number, disposition)
            for fd in (wake, told):
                os.close(fd)
            if self._master >= 0:
                os.close(self._master)
        return self._status

    def _loop(self, wake: int) -> None:
        self._poll.register(wake, select.POLLIN)
        self._poll.register(self._master, select.POLLIN)
        self._poll.register(0, select.POLLIN)
        while self._status is None and self._master >= 0:
            for fd, _ in self._poll.poll():
                if fd == wake:
                    self._take_signals(wake)
                elif fd == 0:
                    self._take_typed()
                else:
                    self._show()
                    self._pass_on()
        while self._master >= 0 and self._show():
            pass

    def _take_signals(self, wake: int) -> None:
        for number in os.read(wake, 256):
            if number == _signal.SIGCHLD:
                self._reap()
            elif number == _signal.SIGWINCH:
                self._resize()
            elif self._status is None:
                if number == _signal.SIGCONT:
                    self._enter_again()
                os.kill(self._pid, number)

    def _enter_again(self) -> None:
        """The shell has put its own modes back, or the terminal was hung up, which also ends in SIGCONT."""
        try:
            if self._terminal is not None:
                self._terminal.enter()
        except termios.error:
            self._terminal = None

    def _reap(self) -> None:
        if self._status is None:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                self._status = status

    def _resize(self) -> None:
        size = window_size(0)
        if size is not None and self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def _take_typed(self) -> None:
        try:
            data = os.read(0, _CHUNK)
        except OSError as error:
            if not is_gone(error):
                raise
            data = b""
        if not data:
            self._poll.unregister(0)
            self._has_input = False
            if self._is_terminal:
                # raw, it has no end but that it is gone: the program's goes, too
                self._hang_up()
        self._typed += data or _END_OF_TRANSMISSION
        self._pass_on()

    def _pass_on(self) -> None:
        """Give the program what was typed, as much as it takes."""
        if self._master < 0 or not self._typed:
            return
        try:
            self._typed = self._typed[os.write(self._master, self._typed) :]
        except BlockingIOError:
            pass
        except OSError as error:
            if not is_gone(error):
                raise
            self._typed = b""
        self._poll.register(self._master, select.POLLIN | (select.POLLOUT if self._typed else 0))
        if self._has_input:
            self._poll.register(0, select.POLLIN if len(self._typed) < _PENDING else 0)

    def _hang_up(self) -> None:
        self._poll.unregister(self._master)
        os.close(self._master)
        self._master = -1

    def _show(self) -> bool:
        """Show what the program wrote; return whether there may be more."""
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            if not is_gone(error):
                raise
            data = b""
        if not data:
            # nobody has the other side any more
            self._hang_up()
            return False
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(1, view) :]
        except OSError as error:
            if not is_gone(error):
                raise
        return True


def receive_terminal(socket: _socket.socket) -> int:
    """Return the master that was sent over the socket (runc's console socket)."""
    _name, rights, flags, _address = socket.recvmsg(
        4096, _socket.CMSG_SPACE(4), getattr(_socket, "MSG_CMSG_CLOEXEC", 0)
    )
    for level, kind, content in rights:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS) and not flags & _socket.MSG_CTRUNC:
            return int(struct.unpack("i", content[:4])[0])
    raise InputOutput("the terminal of the process was not sent")


def _nothing(number: int, frame: object) -> None:
    """Be there: the wakeup descriptor tells the number."""
