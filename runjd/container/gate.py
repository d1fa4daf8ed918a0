"""
The gate at which a created container waits for ``start``.

Init holds a listening socket in its state directory; whoever starts it connects
and sends the order.  A starter that dies before it said so changes nothing, and
once the order is there nobody can connect any more: so the gate itself, and not
a record, is what tells ``created`` from ``running``.
"""

from __future__ import annotations

import _socket
import os
import sys

from runjd.container.report import EXECUTE, Channel

NAME = "start.sock"
_IS_LINUX = sys.platform == "linux"

# no rights needed but to search it; FreeBSD has it from 13.1 on
_HERE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


def listen(directory_fd: int) -> _socket.socket:
    """Make the gate in the state directory; in the parent, before the fork."""
    gate = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        with Inside(directory_fd):
            gate.bind(NAME)
        gate.listen(8)
    except BaseException:
        gate.close()
        raise
    return gate


def wait(gate: _socket.socket) -> Channel:
    """In the child: wait for the order to execute; return the conversation with who gave it."""
    while True:
        fd, _ = gate._accept()  # type: ignore[attr-defined]
        channel = Channel(_socket.socket(fileno=fd))
        if channel.receive().kind == EXECUTE:
            gate.close()
            return channel
        channel.close()


def approach(directory_fd: int, *, patient: bool = True) -> Channel | None:
    """
    Connect to the init that waits.

    :param patient: False: BlockingIOError where many are there before us, as when init is stopped.
    :return: None where none waits: it has passed the gate, or it is dead.
    """
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    socket.setblocking(patient)
    try:
        if _IS_LINUX:  # and threads may do so, too
            socket.connect(f"/proc/self/fd/{directory_fd}/{NAME}")
        else:
            with Inside(directory_fd):
                socket.connect(NAME)
    except (ConnectionRefusedError, FileNotFoundError):
        socket.close()
        return None
    except BaseException:
        socket.close()
        raise
    return Channel(socket)


def is_waiting(directory_fd: int) -> bool:
    """Whether an init waits at the gate; waits for nobody."""
    try:
        channel = approach(directory_fd, patient=False)
    except BlockingIOError:
        return True
    if channel is None:
        return False
    channel.close()
    return True


class Inside:
    """Makes a directory the working directory for a moment: a socket's address has room for 104 bytes only."""

    def __init__(self, directory_fd: int) -> None:
        self._directory_fd = directory_fd
        self._before = -1

    def __enter__(self) -> None:
        self._before = os.open(".", _HERE)
        os.fchdir(self._directory_fd)

    def __exit__(self, *_: object) -> None:
        os.fchdir(self._before)
        os.close(self._before)
