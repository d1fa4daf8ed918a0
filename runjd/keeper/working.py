"""
The worker's own side: what runs in it between its fork and its end, and what it says to the keeper.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os

from runjd.errors import RunjdError
from runjd.keeper.jobs import failed
from runjd.keeper.wire import FrameReader, WireError, encode, pack_descriptors
from runjd.kernel.ownpages import own_pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from runjd.keeper.channel import Parcel
    from runjd.keeper.jobs import Job

    Perform = Callable[[Job, "Line"], Parcel]

#: key of the message, before the report, that tells how many seconds the rest may take longer
EXPECT = "expect"
#: key of the message, in place of the report, of a worker that becomes a process of a jail
ENTERS = "enters"
#: numbers below are for what a program is given (:data:`runjd.container.readiness.NUMBERS`)
_FREE = 10
_READ_SIZE = 65536


class Line:
    """
    What a worker tells the keeper.

    :param socket: to the keeper.
    :ivar is_first: we are the first process of a pid namespace of our own.
    """

    def __init__(self, socket: _socket.socket, is_first: bool = False) -> None:
        self._socket = socket
        self.is_first = is_first

    def expect(self, seconds: float) -> None:
        """
        The job takes so many seconds longer by what the bundle says.

        :raise BrokenPipeError: the keeper was killed, so nobody waits for it any more.
        """
        if seconds:
            self._socket.sendall(encode({EXPECT: seconds}))
        elif self.is_wanted():
            raise BrokenPipeError(errno.EPIPE, "whoever wanted it was killed")

    def enter(self, parcel: Parcel) -> None:
        """We become a process of a jail, and there will be no report."""
        self.send(parcel._replace(message={ENTERS: True, **parcel.message}))

    def send(self, parcel: Parcel) -> None:
        """
        Send the report, or what comes in its place.

        :raise WireError: it is too long.
        """
        data, descriptors = encode(parcel.message, len(parcel.descriptors)), pack_descriptors(parcel.descriptors)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)] if descriptors else []
        sent = self._socket.sendmsg([data], rights)
        if sent < len(data):
            self._socket.sendall(data[sent:])

    def is_wanted(self) -> bool:
        """Whether a job has come, or, as behind the first, there will be none."""
        try:
            self._socket.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True

    def wait(self) -> Job:
        """
        Return the job that comes.

        :raise EOFError: there will be none.
        """
        reader = FrameReader()
        while data := self._socket.recv(_READ_SIZE):
            for frame in reader.feed(data):
                return frame.message
        raise EOFError


def work(become: Callable[[int], None], perform: Perform, socket: _socket.socket, job: Job | None) -> NoReturn:
    """
    In the worker: do the job, report, and be gone; nothing else of the keeper runs here.

    :param become: lets go of all that is the keeper's, but one descriptor.
    :param job: None: it comes over the socket.
    """
    try:
        # of its own, so that its group can be killed, and that it can become a process of a jail
        os.setsid()
        if socket.fileno() < _FREE:
            socket = _socket.socket(fileno=fcntl.fcntl(socket.detach(), fcntl.F_DUPFD_CLOEXEC, _FREE))
        become(socket.fileno())
        line = Line(socket, os.getpid() == 1)
        if job is None:
            own_pages(line.is_wanted)
            job = line.wait()
        report = perform(job, line)
        try:
            line.send(report)
        except WireError as error:
            line.send(failed(RunjdError(f"the answer cannot be sent: {error}")))
    finally:
        os._exit(0)
