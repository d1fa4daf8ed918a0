"""
What ``run`` and ``exec`` do with a process in the foreground: terminal, signals, end.
"""

from __future__ import annotations

import _socket
import os
import struct

from runjd.container.failure import Step
from runjd.container.stdio import Terminal
from runjd.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import TracebackType
else:
    import _signal

# What reaches us is meant for the program, but what only we can be concerned by: SIGCHLD, job control, our own faults.
_OURS = {"SIGCHLD", "SIGKILL", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGPIPE", "SIGURG"}
_FAULTS = {"SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS", "SIGXCPU", "SIGXFSZ", "SIGPROF"}
FORWARDED = sorted(
    {
        number
        for name, number in vars(_signal).items()
        if name.startswith("SIG") and name[3] != "_" and name not in _OURS | _FAULTS and isinstance(number, int)
    }
    - {0}
)


class Consoles:
    """
    Where the terminal of a process goes.

    :param path: of a socket that somebody listens on; empty for none.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._ours: _socket.socket | None = None

    def sent(self) -> Terminal | None:
        """Return a terminal that is sent to the socket, None where none was given."""
        if not self._path:
            return None
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        with Step(f"connect to the console socket {self._path}"):
            directory, name = os.path.split(self._path)
            before = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                # an address has room for 104 bytes only
                os.chdir(directory or ".")
                socket.connect(name)
            finally:
                os.fchdir(before)
                os.close(before)
        self._check_listener(socket)
        return Terminal(socket)

    def _check_listener(self, socket: _socket.socket) -> None:
        """
        See that nobody gets the terminal, and so a hand in the container, but root and us. Linux.

        :raise BadArgument: the path leads to a socket of somebody else.
        """
        option = getattr(_socket, "SO_PEERCRED", None)
        if option is None:
            return
        _pid, uid, _gid = struct.unpack("3I", socket.getsockopt(_socket.SOL_SOCKET, option, 12))
        if uid not in (0, os.geteuid()):
            socket.close()
            raise BadArgument(
                f"the console socket {self._path} is listened on by user {uid}, who is not to have the terminal"
            )

    def relayed(self) -> Terminal:
        """Return a terminal that this process will show on its own."""
        from runjd.cli.terminal import window_size

        self._ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        return Terminal(theirs, window_size(0) or window_size(1))

    def master(self) -> int:
        """Return the descriptor of the terminal to show, -1 where there is none; once."""
        if self._ours is None:
            return -1
        from runjd.cli.relay import receive_terminal

        try:
            return receive_terminal(self._ours)
        finally:
            self._ours.close()
            self._ours = None

    def signals(self) -> Held:
        """Return a context in which signals wait until :func:`wait` takes them."""
        return Held()


class Held:
    """Signals that are to be forwarded are blocked inside, so that none is lost before there is a process."""

    def __enter__(self) -> None:
        _signal.signal(_signal.SIGCHLD, _nothing)  # ignored by default, it would not wait
        self._before = _signal.pthread_sigmask(_signal.SIG_BLOCK, [*FORWARDED, _signal.SIGCHLD])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._before)


def wait(pid: int, consoles: Consoles) -> int:
    """
    Wait for a child, pass signals on to it, show its terminal.

    :return: its exit status, or 128 and the number of the signal that ended it.
    """
    master = consoles.master()
    if master >= 0:
        from runjd.cli.relay import Relay

        seen = Relay(pid, master, FORWARDED).run()
        if seen is not None:
            return exit_status(seen)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return exit_status(status)
        number = _signal.sigwait([*FORWARDED, _signal.SIGCHLD])
        if number != _signal.SIGCHLD:
            # ours and not reaped, so the pid is nobody else's
            os.kill(pid, number)


def exit_status(status: int) -> int:
    """Return what a shell would make of the status of waitpid(2)."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _nothing(number: int, frame: object) -> None:
    """Be there."""
