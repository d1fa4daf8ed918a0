"""
Standard streams that are the FIFOs and programs of whoever asked for the process.

The process gets the FIFOs themselves: nobody stands in between who could be slow,
or die.  It holds its outputs O_RDWR, so that a reader which goes away neither
kills it nor takes along what was written; a reader gets end of file when the last
process that writes is gone.  An end of its own keeps standard input open until
somebody closes that: a writer that goes away is no end of file.
"""

from __future__ import annotations

import os
import stat

from runjd.container.failure import words
from runjd.container.stdio import Fifos, Io, Streams
from runjd.errors import BadArgument, InputOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.container.loggers import Logger
    from runjd.spec.model import Process

#: instead of a path: one of the FIFOs of the state directory, or the logger
OURS, LOGGED = "ours", "logger"


class ClientIo(Io):
    """
    Where each of the three comes from.

    :param name: prefix of FIFOs of our own, as for :class:`runjd.container.stdio.Fifos`.
    :param stdin: path of a FIFO; empty: /dev/null.
    :param stdout: path of a FIFO, :data:`OURS` or :data:`LOGGED`; empty: /dev/null.
    :param stderr: likewise.
    :param logger: reads what is :data:`LOGGED`.
    :ivar held: after :meth:`open`: our ends: ``in`` for writing, ``out`` and ``err`` of those that are ours.
    """

    terminal = False

    def __init__(self, name: str, stdin: str, stdout: str, stderr: str, logger: Logger | None = None) -> None:
        self._stdin = stdin
        self._outputs = {"out": stdout, "err": stderr}
        self._logger = logger
        self._jails: list[int] = []
        self._fifos = Fifos(name, stdin=False) if OURS in self._outputs.values() else None
        self.held: dict[str, int] = {}

    def open(self, directory_fd: int, process: Process) -> Streams | None:
        uid = process.user.uid
        ours = self._fifos.open(directory_fd, process) if self._fifos is not None else None
        if self._fifos is not None:
            for stream, where in self._outputs.items():
                fd = self._fifos.held.pop(stream)
                if where == OURS:
                    self.held[stream] = fd
                else:
                    os.close(fd)
        if self._logger is not None:
            self._logger.start()
        stdin = self._open_input(uid) if self._stdin else self._keep(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        found = []
        for stream, number in (("out", 1), ("err", 2)):
            where = self._outputs[stream]
            if where == OURS and ours is not None:
                found.append(ours[number])
            elif where == LOGGED and self._logger is not None:
                found.append(self._keep(self._logger.take(stream)))
            elif where:
                found.append(self._keep(open_client_fifo(where, os.O_RDWR, uid)))
            else:
                found.append(self._keep(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)))
        return Streams(stdin, *found)

    def child_opened(self) -> None:
        for fd in self._jails:
            os.close(fd)
        self._jails.clear()
        if self._fifos is not None:
            self._fifos.child_opened()

    def close(self) -> None:
        if self._fifos is not None:
            self._fifos.close()
        self.child_opened()
        if self._logger is not None:
            self._logger.end()
        for fd in self.held.values():
            os.close(fd)
        self.held.clear()

    def _open_input(self, uid: int) -> int:
        # A writer cannot open it without a reader, nor a blocking reader without a writer: hence the one in between.
        between = open_client_fifo(self._stdin, os.O_RDONLY | os.O_NONBLOCK, uid)
        try:
            self.held["in"] = open_client_fifo(self._stdin, os.O_WRONLY | os.O_NONBLOCK, uid)
            return self._keep(open_client_fifo(self._stdin, os.O_RDONLY, uid))
        finally:
            os.close(between)

    def _keep(self, fd: int) -> int:
        self._jails.append(fd)
        return fd


def hold_terminal(stdin: str, stdout: str) -> dict[str, int]:
    """
    Open the FIFOs of a client that has a terminal copied, so that it notices nothing where nobody copies for a while.

    :param stdin: path of the FIFO that is typed into the terminal; empty without.
    :param stdout: path of the FIFO that gets what is written to it; empty without.
    :return: ``in``, for reading: a writer without any reader would be told that nobody is there; and ``log``, for
        reading and writing: a reader without any writer would be told that all is read.
    :raise RunjdError: one cannot be opened.
    """
    held: dict[str, int] = {}
    try:
        if stdin:
            held["in"] = open_client_fifo(stdin, os.O_RDONLY | os.O_NONBLOCK)
        if stdout:
            held["log"] = open_client_fifo(stdout, os.O_RDWR | os.O_NONBLOCK)
    except BaseException:
        for fd in held.values():
            os.close(fd)
        raise
    return held


def open_client_fifo(path: str, flags: int, uid: int | None = None) -> int:
    """
    Open a FIFO of a client; never waits for the other end.

    :param flags: O_RDWR, or with O_NONBLOCK one way; O_RDONLY where there is a writer.
    :param uid: who gets it, so that ``/dev/stdout`` can be opened again; None: nobody.
    :raise InputOutput: there is none, or it is no FIFO.
    """
    try:
        # what it is shall be known before it is opened to and fro: a device may mind
        found = os.lstat(path)
        if not stat.S_ISFIFO(found.st_mode):
            raise InputOutput(f"{path} is no FIFO")
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except ValueError:
        raise BadArgument(f"{path!r} is no path of a FIFO") from None
    except OSError as error:
        raise InputOutput(f"cannot open the FIFO {path}: {words(error.errno or 0)}") from error
    opened = os.fstat(fd)
    if not stat.S_ISFIFO(opened.st_mode):
        os.close(fd)
        raise InputOutput(f"{path} is no FIFO")
    if uid is not None and opened.st_uid != uid and os.geteuid() == 0:
        os.fchown(fd, uid, -1)
    return fd
