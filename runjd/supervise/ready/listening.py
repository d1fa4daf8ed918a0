"""
What a program tells by that it is ready, read at a pace of ours.

It comes from a jail, which may send as much as it likes: after each read nothing is
read for a moment, so that a flood fills the kernel's buffer and stops its sender,
and costs the daemon next to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.protocols.jailoutput import IReactor
from runjd.protocols.notify import DATAGRAM_MAX, read_datagram
from runjd.supervise.ready.senders import is_from, receive

#: seconds between two reads
PACE = 0.05
#: datagrams of one read
_BATCH = 8


@implementer(IReadDescriptor)
class Listening:
    """
    One descriptor that a program tells something by.

    :param fd: non-blocking, and ours from now on.
    :param read: reads what there is; called at most once for each :data:`PACE`.
    """

    def __init__(self, reactor: IReactor, fd: int, read: Callable[[int], None]) -> None:
        self._reactor = reactor
        self._fd = fd
        self._read = read
        self._pause: IDelayedCall | None = None
        os.set_blocking(fd, False)
        reactor.addReader(self)

    def close(self) -> None:
        """Listen no more."""
        if self._fd < 0:
            return
        self._reactor.removeReader(self)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        os.close(self._fd)
        self._fd = -1

    # --- IReadDescriptor -----------------------------------------------------------

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "readiness"

    def doRead(self) -> None:
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(PACE, self._again)
        self._read(self._fd)

    def connectionLost(self, reason: Failure) -> None:
        self.close()

    # --- inside ----------------------------------------------------------------------

    def _again(self) -> None:
        self._pause = None
        self._reactor.addReader(self)


def on_newline(told: Callable[[], None]) -> Callable[[int], None]:
    """Return a reader that tells of the first newline; what comes before it means nothing (s6)."""

    def read(fd: int) -> None:
        try:
            data = os.read(fd, DATAGRAM_MAX)
        except BlockingIOError:
            return
        if b"\n" in data:
            told()

    return read


def on_notice(ready: Callable[[], None], status: Callable[[str], None], init: int) -> Callable[[int], None]:
    """
    Return a reader of the datagrams of sd_notify(3).

    :param init: the init process of the jail; who is known to be outside of it is not listened to.
    """

    def read(fd: int) -> None:
        is_ready = False
        for _ in range(_BATCH):
            try:
                data, sender = receive(fd, DATAGRAM_MAX + 1)
            except BlockingIOError:
                break
            if not is_from(sender, init):
                continue
            notice = read_datagram(data)
            is_ready = is_ready or notice.is_ready
            if notice.status is not None:
                status(notice.status)
        if is_ready:
            ready()

    return read
