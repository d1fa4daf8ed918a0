"""Where the porter gets those who come: messages of two descriptors each, who comes and the way to the daemon."""

from __future__ import annotations

import array
import errno
import os
import socket
from collections.abc import Callable

from runjd.access.porter.departures import Departures
from runjd.access.porter.passage import Passage
from runjd.access.porter.secrecy import Secrecy
from runjd.access.showing import Showing
from runjd.keeper.loop import READ, Loop

#: of those who showed a certificate: how many may leave at the same time, and seconds that each has for it
PLACES, PATIENCE = 64, 60.0
#: of those who are turned away, who have a line to read
_PLACES, _PATIENCE = 64, 2.0
#: seconds after the first of some who leave
_TIDY = 10.0
#: what says of a message that it did not arrive whole, or not yet; not that none will come
_PASSING = frozenset(
    (errno.EAGAIN, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.EMSGSIZE, errno.ENOBUFS, errno.ENOMEM)
)


class Desk:
    """
    Takes connections.

    :param desk: a socket of messages; ours now.
    :param tidy: called a while after somebody has left: much that was held for him is free.
    :param deserted: called once nobody gives any more, and those who came have left.
    """

    def __init__(
        self,
        loop: Loop,
        desk: socket.socket,
        showing: Showing,
        tidy: Callable[[], None],
        deserted: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._desk = desk
        self._showing = showing
        self._tidy = tidy
        self._deserted = deserted
        self._departures = Departures(loop, PLACES, PATIENCE)
        self._turned_away = Departures(loop, _PLACES, _PATIENCE)
        self._visitors = 0
        self._is_open = False
        self._is_untidy = False
        desk.setblocking(False)

    def open(self) -> None:
        """Begin."""
        self._is_open = True
        self._loop.watch(self._desk.fileno(), READ, self._happened)

    def _happened(self, mask: int) -> None:
        try:
            data, found = receive(self._desk)
        except OSError as error:
            if error.errno in _PASSING:
                return
            data, found = b"", []
        if not data:
            self._loop.unwatch(self._desk.fileno())
            self._desk.close()
            self._is_open = False
            self._look()
        elif len(found) == 2:
            self._take(*found)
        else:
            for fd in found:
                os.close(fd)

    def _take(self, outside: int, way: int) -> None:
        with socket.socket(fileno=outside) as one, socket.socket(fileno=way) as other:
            secrecy = Secrecy(self._showing)
            self._visitors += 1
            Passage(
                self._loop,
                secrecy,
                socket.socket(fileno=one.detach()),
                socket.socket(fileno=other.detach()),
                self._departures,
                self._turned_away,
                self._left,
            )

    def _left(self) -> None:
        self._visitors -= 1
        if not self._is_untidy:
            self._is_untidy = True
            self._loop.call_later(_TIDY, self._tidy_up)
        self._look()

    def _tidy_up(self) -> None:
        self._is_untidy = False
        self._tidy()

    def _look(self) -> None:
        if not self._is_open and not self._visitors:
            self._deserted()


def receive(desk: socket.socket) -> tuple[bytes, list[int]]:
    """Return one message, and its descriptors. :raise OSError: there is none."""
    found = array.array("i")
    data, ancillary, _, _ = desk.recvmsg(16, socket.CMSG_SPACE(4 * found.itemsize), socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return data, list(found)
