"""
Unix sockets, as that of the control protocol.

When the table of descriptors is full, accept() fails and the socket stays
readable: the port is left alone for a while, and the clients wait in its backlog.
"""

from __future__ import annotations

import os
import socket
import stat

from twisted.internet import tcp, unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReactorTime
from twisted.logger import Logger

from runjd.errors import InputOutput
from runjd.kernel.passrights import refuse_descriptors

#: connections that may wait to be accepted
BACKLOG = 128
#: bytes of the path of a Unix socket, on FreeBSD, whose limit is the smaller one
MAX_PATH = 103
#: seconds that a port is left alone when there are no descriptors
PAUSE = 1.0
#: seconds in which that is told once
TOLD = 60.0


class Connection(unix.Server):
    """A connection that takes no descriptors, where the kernel lets them through: whoever sends one is sent away."""

    def _ancillaryLevelSOLSOCKETTypeSCMRIGHTS(self, cmsgData: bytes) -> None:
        # in place of Twisted's, which writes a line for each
        for fd in memoryview(cmsgData).cast("i"):
            os.close(fd)
        self.abortConnection()  # type: ignore[no-untyped-call]


class ControlPort(unix.Port):
    """
    A Unix port that pauses while no descriptor is free.

    :param clock: for the pause; the reactor.
    """

    _log = Logger(namespace="runjd.protocols.control")
    transport = Connection

    def __init__(self, path: str, factory: IProtocolFactory, mode: int, clock: IReactorTime) -> None:
        super().__init__(path.encode("utf-8", "surrogateescape"), factory, BACKLOG, mode, clock)
        self._file = path
        self._clock = clock
        self._pause: IDelayedCall | None = None
        self._told_at = -TOLD
        self._stays = False
        self._place = (0, 0)

    @property
    def is_paused(self) -> bool:
        """Whether nobody is accepted at this moment, for want of descriptors."""
        return self._pause is not None

    def admit_group(self, gid: int | None) -> None:
        """
        Let the members of a group open the socket; None: nobody but us, and root.

        :raise InputOutput: it cannot be; then nobody else can.
        """
        path = self._file
        try:
            if gid is None:
                os.chmod(path, 0o600)
            else:
                os.lchown(path, -1, gid)
                os.chmod(path, 0o660)
        except OSError as error:
            raise InputOutput(
                f"the control socket {path} stays closed to the group {gid}: {error.strerror}", path=path
            ) from error

    @property
    def is_there(self) -> bool:
        """Whether the path still leads here."""
        return _place_of(self._file) == self._place

    def startListening(self) -> None:
        """Listen."""
        super().startListening()  # type: ignore[no-untyped-call]
        self._place = _place_of(self._file)

    def hand_on(self) -> int:
        """
        Return another descriptor of the socket, which listens on when this port is closed.

        What was connected and not accepted waits for whoever accepts there.
        """
        self._stays = True
        self._shouldShutdown = False  # shutdown(2) would be of the socket itself, not of our descriptor
        return os.dup(self.socket.fileno())

    def go_on(self, handed: int) -> None:
        """Listen on a socket that was handed on, instead of making one."""
        self._preexistingSocket = socket.socket(fileno=handed)
        self._preexistingSocket.setblocking(False)

    def doRead(self) -> None:
        """Accept, if there is a descriptor to accept with."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if self._clock.seconds() - self._told_at >= TOLD:
                self._told_at = self._clock.seconds()
                self._log.error("no connection is accepted for a while: {why}", why=error.strerror)
            self.stopReading()  # type: ignore[no-untyped-call]
            self._pause = self._clock.callLater(PAUSE, self._resume)
            return
        super().doRead()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: object) -> None:
        """The port is closed."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self.is_there and not self._stays:  # else it is somebody else's by now
            os.unlink(self._file)
        tcp.Port.connectionLost(self, reason)  # type: ignore[no-untyped-call]  # that of unix.Port removes any path

    def _resume(self) -> None:
        self._pause = None
        self.startReading()  # type: ignore[no-untyped-call]


def refuse_taken(path: str) -> None:
    """:raise InputOutput: somebody listens on a socket there."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fsencode(path))
        except BlockingIOError:  # its backlog is full
            pass
        except OSError:
            return
    raise InputOutput(f"somebody listens on {path} already; name another path", path=path)


def listen_unix(
    path: str,
    factory: IProtocolFactory,
    clock: IReactorTime,
    mode: int = 0o600,
    name: str = "control socket",
    handed: int = -1,
) -> ControlPort:
    """
    Return the port that listens there; it is nobody else's from the first moment on, and takes no descriptors.

    A socket that a dead daemon left is replaced; one on which somebody listens is not.

    :param name: what it is, for messages.
    :param handed: the socket that listens there already, which an earlier version of this process handed on; ours now.
    :raise InputOutput: the path is taken by something else, or cannot be used.
    """
    if len(os.fsencode(path)) > MAX_PATH:
        raise InputOutput(f"the path of the {name} {path} is longer than {MAX_PATH} bytes", path=path)
    try:
        os.stat(os.path.dirname(path) or ".")
        found = os.lstat(path) if os.path.lexists(path) else None
    except OSError as error:
        raise InputOutput(f"the {name} {path} cannot be made: {error.strerror}", path=path) from error
    if found is not None:
        if not stat.S_ISSOCK(found.st_mode):
            raise InputOutput(f"{path} is in the way of the {name} and is no socket", path=path)
        if handed < 0:
            refuse_taken(path)
            os.unlink(path)
        else:
            mode = stat.S_IMODE(found.st_mode)  # who could come in a moment ago still can
    port = ControlPort(path, factory, mode, clock)
    if handed >= 0:
        port.go_on(handed)
    mask = os.umask(0o777 & ~mode)
    try:
        port.startListening()
        refuse_descriptors(port.socket)
    except CannotListenError as error:
        raise InputOutput(f"the {name} {path} cannot be made: {error.socketError}", path=path) from error
    finally:
        os.umask(mask)
    return port


def _place_of(path: str) -> tuple[int, int]:
    """Return what tells a file from others that had its name; zeros where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
