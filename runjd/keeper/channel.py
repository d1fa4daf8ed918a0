"""
One end of the keeper's wire: a non-blocking Unix socket that carries frames and descriptors.

Used by the keeper towards the daemon and its workers, by the workers, and by the
daemon.  A descriptor that arrives belongs to whoever reads the message.

unix(4), unix(7): descriptors arrive with the first byte of what they were sent
with.  A full descriptor table truncates them (MSG_CTRUNC), and then all later
ones would belong to the wrong message: that is the end of the connection.
"""

from __future__ import annotations

import _socket
import os
import select

from runjd.keeper.wire import (
    DESCRIPTOR_SIZE,
    DESCRIPTORS_MAX,
    FrameReader,
    WireError,
    encode,
    pack_descriptors,
    unpack_descriptors,
)
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from runjd.keeper.wire import Frame, Message
else:
    from _collections import deque

#: what a read brings; one for all, as it is taken out at once: a buffer for each read, cut to what came, leaves holes
#: of all sizes in the heap
_READ = memoryview(bytearray(65536))
_ANCILLARY_SIZE = _socket.CMSG_SPACE(DESCRIPTORS_MAX * DESCRIPTOR_SIZE)


class Parcel(Value):
    """A message and the descriptors that belong to it."""

    message: Message
    descriptors: tuple[int, ...] = ()

    def drop(self) -> None:
        """Close the descriptors: nobody wants them."""
        for descriptor in self.descriptors:
            os.close(descriptor)


class Channel:
    """
    Sends and receives parcels.

    What is sent is made when its turn comes, not when it is queued: a descriptor
    may have been closed meanwhile, and its number be another's.

    :param socket: a connected Unix stream socket; the channel's from now on.
    :param rest: the bytes of a message, and ``arrived`` its descriptors, as far as they were received before.
    """

    __slots__ = ("_arrived", "_outgoing", "_reader", "_rest", "_socket", "is_open")

    def __init__(self, socket: _socket.socket, rest: bytes = b"", arrived: tuple[int, ...] = ()) -> None:
        socket.setblocking(False)
        self._socket = socket
        self._reader = FrameReader()
        self._reader.feed(rest)
        self._arrived = deque(arrived)
        self._outgoing: deque[Callable[[], Parcel | str | None]] = deque()
        self._rest = b""
        self.is_open = True

    def fileno(self) -> int:
        """Return the descriptor of the socket, -1 once it is closed."""
        return self._socket.fileno()

    @property
    def queued(self) -> int:
        """How many parcels wait to be sent."""
        return len(self._outgoing) + bool(self._rest)

    @property
    def rest(self) -> bytes:
        """What was received of a message that is not whole."""
        return self._reader.rest

    @property
    def arrived(self) -> tuple[int, ...]:
        """The descriptors that no whole message has claimed yet."""
        return tuple(self._arrived)

    def is_hung_up(self) -> bool:
        """Whether the peer is gone; what it had sent may still be there to read."""
        poll = select.poll()
        poll.register(self._socket, 0)
        return bool(poll.poll(0))

    def receive(self) -> list[Parcel]:
        """
        Return what one read completes; nothing where there is nothing to read yet.

        :raise EOFError: the peer closed the connection.
        :raise WireError: it sent something that is none of ours.
        :raise OSError: the connection is lost.
        """
        try:
            # reaches as far as the next message that brings descriptors: a bounded amount of work
            size, ancillary, flags, _ = self._socket.recvmsg_into([_READ], _ANCILLARY_SIZE, _FLAGS)
        except BlockingIOError:
            return []
        self._take(ancillary)
        if flags & _socket.MSG_CTRUNC:
            raise WireError("descriptors were lost on their way: too many are open in this process")
        if not size:
            raise EOFError
        return self._parcels(self._reader.feed(_READ[:size]))

    def send(self, make: Callable[[], Parcel | str | None]) -> None:
        """
        Queue a parcel, made when its turn comes; :meth:`flush` sends it.

        :param make: returns also the JSON of a message without descriptors; None: there is nothing left to say.
        """
        self._outgoing.append(make)

    def flush(self) -> bool:
        """
        Send as much as the peer takes; whether that was all.

        :raise OSError: the connection is lost.
        """
        while self._rest or self._outgoing:
            try:
                if self._rest:
                    self._rest = self._rest[self._send(self._rest, ()) :]
                else:
                    self._send_next()
            except BlockingIOError:
                return False
        return True

    def close(self) -> None:
        """Close the socket, and the descriptors that no message has claimed."""
        self.is_open = False
        self._socket.close()
        self._outgoing.clear()
        self._rest = b""
        while self._arrived:
            os.close(self._arrived.popleft())

    def _send_next(self) -> None:
        made = self._outgoing[0]()
        if made is not None:
            message, descriptors = (made, ()) if isinstance(made, str) else made
            data = encode(message, len(descriptors))
            # where not one byte goes it stays in the queue, and is made again
            self._rest = data[self._send(data, descriptors) :]
        self._outgoing.popleft()

    def _send(self, data: bytes, descriptors: tuple[int, ...]) -> int:
        if not descriptors:
            return self._socket.send(data, _SEND_FLAGS)
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack_descriptors(descriptors))
        return self._socket.sendmsg([data], [rights], _SEND_FLAGS)

    def _take(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, payload in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                self._arrived.extend(unpack_descriptors(payload))

    def _parcels(self, frames: list[Frame]) -> list[Parcel]:
        claimed = sum([count for _, count in frames])
        if claimed > len(self._arrived):
            raise WireError(f"messages with {claimed} descriptors, of which {len(self._arrived)} arrived")
        if claimed < len(self._arrived) and not self._reader.is_within_frame:
            raise WireError(f"{len(self._arrived) - claimed} descriptors that no message claims")
        take = self._arrived.popleft
        # of a list: a tuple that grows by its items is one more, each time, of those that CPython keeps for later
        return [Parcel(message, tuple([take() for _ in range(count)])) for message, count in frames]


_FLAGS = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)
_SEND_FLAGS = getattr(_socket, "MSG_NOSIGNAL", 0)
