"""
Where a process's standard input, output and error come from.

An :class:`Io` is opened in the parent before the fork, so whatever is wrong with
it fails ``create`` and not the program.  The one that makes a pty leaves that to
the child, which does it inside the jail (:mod:`runjd.container.console`).
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod

from runjd.container.own import make_directory
from runjd.errors import BadArgument, InputOutput
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from runjd.spec.model import Process

#: below the state directory
DIRECTORY = "io"
#: prefix of the init process's files, which stay as long as the state directory
INIT = "init"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

#: of a FIFO that the jail writes to
FIFO_MODE = 0o622
# The jail's user owns them, so that /dev/stdout can be opened again; others may do what the descriptor allows, for a
# worker that changed its user. Strangers on the host do not get past the state directory, which is 0700.
_MODES = {"in": 0o644, "out": FIFO_MODE, "err": FIFO_MODE}


class Streams(Value):
    """Descriptors that become 0, 1 and 2 of the child."""

    stdin: int
    stdout: int
    stderr: int


class Io(ABC):
    """Where a process's stdio comes from."""

    #: whether the process gets a pty; must be what ``process.terminal`` says
    terminal: bool

    def fit(self, process: Process) -> Io:
        """
        Return what serves this process; asked before anything else.

        :raise BadArgument: ``process.terminal`` and what the caller offers do not fit.
        """
        if process.terminal and not self.terminal:
            raise BadArgument(
                "process.terminal is true, but there is no terminal for it; give a console socket (--console-socket)"
            )
        if self.terminal and not process.terminal:
            raise BadArgument("a console socket was given, but process.terminal is not true")
        return self

    @abstractmethod
    def open(self, directory_fd: int, process: Process) -> Streams | None:
        """
        In the parent, before the fork: make what the child needs.

        :param directory_fd: the state directory of the container.
        :return: None where the child makes a pty.
        """

    def child_opened(self) -> None:
        """In the parent, once the child is well on its way: close what only the child needs."""

    def close(self) -> None:
        """On failure: close and unlink all that was made."""


class Inherited(Io):
    """
    The caller's own 0, 1 and 2, given to the process's user where they are pipes or sockets.

    Not where they are a terminal: that is the operator's, before and after, and the user
    may be somebody on the host as well, who could read there what the operator types.
    """

    terminal = False

    def open(self, directory_fd: int, process: Process) -> Streams | None:
        for fd in range(3):
            found = os.fstat(fd)
            owned = stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
            if owned and found.st_uid != process.user.uid:
                try:
                    os.fchown(fd, process.user.uid, -1)
                except OSError:
                    # not ours to give (as under an unprivileged caller); the program can use the descriptor anyway
                    continue
        return Streams(0, 1, 2)


class Fifos(Io):
    """
    FIFOs in the state directory, every end an open() of its own (design decision 3).

    The jail holds its stdout and stderr O_RDWR, so that it gets no SIGPIPE when
    nobody reads any more.

    :param name: prefix of the files, unique among the processes of the container.
    :param stdin: False: the process reads /dev/null.
    :ivar held: after :meth:`open`: our ends by stream, non-blocking: ``out`` and
        ``err`` for reading, ``in`` for writing where there is one. They are the
        caller's to close.
    """

    terminal = False

    def __init__(self, name: str, *, stdin: bool) -> None:
        self.held: dict[str, int] = {}
        self._name = name
        self._stdin = stdin
        self._jails: list[int] = []
        self._directory = -1

    def open(self, directory_fd: int, process: Process) -> Streams | None:
        self._directory = _open_directory(directory_fd)
        if self._stdin:
            stdin = self._open_input(process.user.uid)
        else:
            stdin = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self._jails.append(stdin)
        streams = Streams(stdin, self._open_output("out", process.user.uid), self._open_output("err", process.user.uid))
        if self._name != INIT:
            # Every end is open, and the name will be wanted again, while the state directory stays.
            self._unlink()
        return streams

    def child_opened(self) -> None:
        for fd in self._jails:
            os.close(fd)
        self._jails.clear()
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1

    def close(self) -> None:
        if self._directory >= 0:
            self._unlink()
        self.child_opened()
        for fd in self.held.values():
            os.close(fd)
        self.held.clear()

    def _unlink(self) -> None:
        unlink_fifos(self._directory, self._name)

    def _open_output(self, stream: str, uid: int) -> int:
        name = f"{self._name}.{stream}"
        reader = self._make(stream, uid)
        self.held[stream] = reader
        fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory)
        self._jails.append(fd)
        return fd

    def _open_input(self, uid: int) -> int:
        name = f"{self._name}.in"
        # A writer cannot open it without a reader, nor a blocking reader without a writer: hence the one in between.
        between = self._make("in", uid)
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            self.held["in"] = os.open(name, flags, dir_fd=self._directory)
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory)
        finally:
            os.close(between)

    def _make(self, stream: str, uid: int) -> int:
        """Make the FIFO and return a non-blocking reader of it."""
        name = f"{self._name}.{stream}"
        os.mkfifo(name, 0o600, dir_fd=self._directory)
        fd = open_fifo(self._directory, name)
        try:
            found = os.fstat(fd)
            if found.st_uid != uid and os.geteuid() == 0:
                os.fchown(fd, uid, -1)
            os.fchmod(fd, _MODES[stream])
        except BaseException:
            os.close(fd)
            raise
        return fd


class Terminal(Io):
    """
    A pty that the child makes inside the jail, its master sent over a socket.

    The message is that of runc's console socket: the slave's name as data, the
    master as SCM_RIGHTS.

    :param socket: a connected AF_UNIX stream socket; stays the caller's.
    :param size: (rows, columns); None: what ``process.consoleSize`` says.
    """

    terminal = True

    def __init__(self, socket: _socket.socket, size: tuple[int, int] | None = None) -> None:
        self.socket = socket
        self.size = size

    def open(self, directory_fd: int, process: Process) -> Streams | None:
        if self.size is None and process.console_size is not None:
            self.size = (process.console_size.height, process.console_size.width)
        return None


class Either(Io):
    """
    A terminal for a process that wants one, and something else for any other.

    Which one is only known when the bundle has been read; the other is not made.
    """

    terminal = False

    def __init__(self, pipes: Callable[[], Io], terminal: Callable[[], Io]) -> None:
        self._pipes = pipes
        self._terminal = terminal

    def fit(self, process: Process) -> Io:
        return (self._terminal if process.terminal else self._pipes)().fit(process)

    def open(self, directory_fd: int, process: Process) -> Streams | None:
        return self.fit(process).open(directory_fd, process)


def reopen(directory_fd: int, name: str) -> dict[str, int]:
    """
    Open the outputs of a process again that :class:`Fifos` made, after all our ends were lost.

    :param directory_fd: the state directory of the container.
    :return: non-blocking descriptors by stream; those that are not there are left out.
    :raise InputOutput: something else stands in the place of one.
    """
    held: dict[str, int] = {}
    try:
        below = os.open(DIRECTORY, _DIRECTORY, dir_fd=directory_fd)
    except FileNotFoundError:
        return held
    try:
        for stream in ("out", "err"):
            try:
                held[stream] = open_fifo(below, f"{name}.{stream}")
            except FileNotFoundError:
                continue
    except BaseException as error:
        for fd in held.values():
            os.close(fd)
        if isinstance(error, OSError):
            raise InputOutput(f"{DIRECTORY}/{name}: {error.strerror}") from error
        raise
    finally:
        os.close(below)
    return held


def unlink_fifos(directory_fd: int, name: str) -> None:
    """Remove the FIFOs of one process from the open directory they are in; nothing to do where there are none."""
    for stream in _MODES:
        try:
            os.unlink(f"{name}.{stream}", dir_fd=directory_fd)
        except FileNotFoundError:
            continue


def open_fifo(directory_fd: int, name: str) -> int:
    """
    Return a non-blocking reader of a FIFO.

    :raise InputOutput: it is none.
    """
    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise InputOutput(f"{name} was replaced by something that is no FIFO")
    return fd


def _open_directory(state_fd: int) -> int:
    try:
        make_directory(DIRECTORY, state_fd)
    except FileExistsError:
        pass
    return os.open(DIRECTORY, _DIRECTORY, dir_fd=state_fd)
