"""
How a program tells that it is ready, where it tells that itself.

By a newline on a descriptor (s6), which is a FIFO of ours, or by a datagram to the
socket that ``NOTIFY_SOCKET`` names (sd_notify(3)), which a mount shows to the jail:
a directory of its own, read-only, so that all it can do there is to send.

Our end is held by whoever made the container, and reads; the jail's outlives us.

Our socket takes no descriptors, where the kernel can be told to: see :mod:`runjd.kernel.passrights`.
"""

from __future__ import annotations

import _socket
import os
from abc import ABC, abstractmethod

from runjd.container.gate import Inside
from runjd.container.stdio import FIFO_MODE, open_fifo
from runjd.errors import BadArgument, SpecError
from runjd.kernel.passrights import refuse_descriptors
from runjd.spec.model import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Runtime
    from runjd.spec.model import Config

#: what a program may be told by its number; nothing of ours is ever opened there
NUMBERS = range(3, 10)
#: the FIFO, and the directory of the socket, in the state directory
FIFO = "ready"
DIRECTORY = "run"
SOCKET = "notify"
#: where a jail finds the socket
IN_JAIL = "/run/runjd"
_IN_JAIL_OF_FREEBSD = "/var/run/runjd"
#: bytes of the path of a socket; FreeBSD's is the shorter one
_PATH_MAX = 103
_TAKES_DESCRIPTORS = (
    "a hostile program can delay the daemon by descriptors that it sends to NOTIFY_SOCKET,"
    " as this kernel cannot refuse them (Linux can since 6.16); being ready by a descriptor (fd) is safe"
)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Readiness(ABC):
    """
    One way to tell it.

    :ivar held: after :meth:`open`: our end, non-blocking, by its name; the caller's to close.
    :ivar passed: descriptors that the program gets, by the numbers that they have in this process already.
    :ivar notices: after :meth:`open`: what the operator must be told of it.
    """

    passed: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    def reserve(self) -> None:
        """Before anything else is opened: take the numbers that the program shall find."""

    def extend(self, config: Config, directory: str, runtime: Runtime) -> Config:
        """
        Return the container's document with what the program needs to be told.

        :param directory: the state directory of the container, absolute.
        """
        return config

    @abstractmethod
    def open(self, directory_fd: int, uid: int) -> None:
        """
        In the parent, before the fork: make both ends.

        :param directory_fd: the state directory of the container.
        :param uid: of the program.
        """

    def child_opened(self) -> None:
        """In the parent, once the child is well on its way: close what only the child needs."""
        for fd in self.passed:
            os.close(fd)
        self.passed = ()

    def close(self) -> None:
        """On failure: close all that was made; what is in the state directory goes with it."""
        self.child_opened()
        for fd in self.held.values():
            os.close(fd)
        self.held.clear()


class Newline(Readiness):
    """
    A newline on a descriptor.

    :param number: one of :data:`NUMBERS`.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        if number not in NUMBERS:
            raise BadArgument(f"a program tells that it is ready on descriptor 3 to 9, not {number}")
        self._number = number

    def reserve(self) -> None:
        fd = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        if fd != self._number:
            os.dup2(fd, self._number, inheritable=False)
            os.close(fd)
        self.passed = (self._number,)

    def open(self, directory_fd: int, uid: int) -> None:
        os.mkfifo(FIFO, 0o600, dir_fd=directory_fd)
        reader = open_fifo(directory_fd, FIFO)
        self.held[FIFO] = reader
        if os.fstat(reader).st_uid != uid and os.geteuid() == 0:
            os.fchown(reader, uid, -1)
        os.fchmod(reader, FIFO_MODE)
        # for both ways: a program that tells it when nobody reads any more shall not die of SIGPIPE
        writer = os.open(FIFO, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)
        os.dup2(writer, self._number, inheritable=False)
        os.close(writer)


class Notify(Readiness):
    """
    A datagram to ``NOTIFY_SOCKET``.

    :param refuse: has a socket take no descriptors; returns whether that could be had.
    """

    def __init__(self, refuse: Callable[[_socket.socket], bool] = refuse_descriptors) -> None:
        super().__init__()
        self._refuse = refuse

    def extend(self, config: Config, directory: str, runtime: Runtime) -> Config:
        process = config.process
        if process is None:
            return config
        source = os.path.join(directory, DIRECTORY)
        mounts = config.mounts
        if not runtime.isolated:
            path = os.path.join(source, SOCKET)
            if len(os.fsencode(path)) > _PATH_MAX:
                raise SpecError("", f"a program cannot be told of a socket with so long a path: {path}")
        else:
            is_freebsd = runtime.name == "freebsd"
            destination = _IN_JAIL_OF_FREEBSD if is_freebsd else IN_JAIL
            path = f"{destination}/{SOCKET}"
            options = ("ro", "nosuid", "noexec") if is_freebsd else ("bind", "ro", "nosuid", "nodev", "noexec")
            mounts = (*mounts, Mount(destination, "nullfs" if is_freebsd else "bind", source, options))
        env = tuple([each for each in process.env if not each.startswith("NOTIFY_SOCKET=")])
        process = process._replace(env=(*env, f"NOTIFY_SOCKET={path}"))
        return config._replace(process=process, mounts=mounts)

    def open(self, directory_fd: int, uid: int) -> None:
        os.mkdir(DIRECTORY, 0o700, dir_fd=directory_fd)
        below = os.open(DIRECTORY, _DIRECTORY, dir_fd=directory_fd)
        try:
            os.fchmod(below, 0o755)
            ours = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
            try:
                ours.setblocking(False)
                if hasattr(_socket, "SO_PASSCRED"):
                    ours.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
                # before it has a name, so that nothing was sent there yet
                self.notices = () if self._refuse(ours) else (_TAKES_DESCRIPTORS,)
                with Inside(below):
                    ours.bind(SOCKET)
            except BaseException:
                ours.close()
                raise
            self.held[SOCKET] = ours.detach()
            # anyone in the jail, whoever it became since; nobody else gets past the state directory
            os.chmod(SOCKET, 0o666, dir_fd=below)
        finally:
            os.close(below)


def readiness(text: str) -> Readiness | None:
    """
    Return the way that ``fd:3`` or ``notify`` names; None for an empty text.

    :raise BadArgument: it names none.
    """
    kind, _, number = text.partition(":")
    if not text:
        return None
    if text == SOCKET:
        return Notify()
    if kind == "fd" and number.isascii() and number.isdigit():
        return Newline(int(number[:4]))
    raise BadArgument(f'a program cannot tell that it is ready by "{text}"')


def reopen(directory_fd: int) -> dict[str, int]:
    """
    Open again what can be, after all our ends were lost: the FIFO, not the socket.

    :raise InputOutput: something else stands in its place.
    """
    try:
        return {FIFO: open_fifo(directory_fd, FIFO)}
    except FileNotFoundError:
        return {}
