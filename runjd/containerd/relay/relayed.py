"""
One connection of containerd, and what there is of a connection to the daemon for it.

Whole frames go both ways.  A request is kept until its answer is here, whole, as from then on no daemon is needed for
it; so a daemon that dies within an answer is as good as one that died before it.
"""

from __future__ import annotations

import _socket

from runjd.containerd.relay.kept import COUNT_MAX, SIZE_MAX, Kept
from runjd.containerd.relay.outgoing import Outgoing
from runjd.keeper.loop import HANGUP, READ, WRITE
from runjd.protocols.ttrpc.envelope import format_failure
from runjd.protocols.ttrpc.frames import REQUEST, RESPONSE, Frame, FrameReader, Oversize, format_frame
from runjd.protocols.ttrpc.requests import Refused, RequestReader
from runjd.protocols.ttrpc.status import RESOURCE_EXHAUSTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.containerd.relay.route import Route
    from runjd.keeper.loop import Loop

#: bytes that wait for containerd, before no more is read of either side
_OUT_MAX = 1 << 20
_READ = 64 * 1024


class Relayed:
    """
    One connection.

    :param front: the socket of containerd.
    :param route: to the daemon.
    :param hello: makes what the daemon is told first; takes the last stream that one before it may have been given.
    :param lost: called once containerd is gone.
    """

    def __init__(
        self,
        loop: Loop,
        front: _socket.socket,
        route: Route,
        hello: Callable[[int], bytes],
        lost: Callable[[Relayed], None],
    ) -> None:
        self._loop = loop
        self._front = front
        self._route = route
        self._hello = hello
        self._lost = lost
        self._requests = RequestReader()
        self._kept = Kept()
        self._to_front = Outgoing(front)
        self._front_mask = READ
        self._back: _socket.socket | None = None
        self._answers = FrameReader()
        self._to_back: Outgoing | None = None
        self._back_mask = READ
        self._is_open = True
        front.setblocking(False)
        loop.watch(front.fileno(), READ, self._front_ready)

    def linked(self, back: _socket.socket) -> None:
        """Take a connection to a daemon: it gets all that was not answered."""
        back.setblocking(False)
        self._back = back
        self._answers = FrameReader()
        self._to_back = Outgoing(back)
        self._back_mask = READ
        self._loop.watch(back.fileno(), READ, self._back_ready)
        self._send_back(self._hello(self._kept.given) + self._kept.all())

    def close(self) -> None:
        """Close both connections; nothing to do where that was done."""
        if not self._is_open:
            return
        self._is_open = False
        self._route.forget(self)
        self._drop_back()
        self._loop.unwatch(self._front.fileno())
        self._front.close()
        self._lost(self)

    # containerd

    def _front_ready(self, mask: int) -> None:
        try:
            if mask & WRITE:
                self._to_front.flush()
            if mask & READ:
                self._read_front()
            elif mask & HANGUP:
                self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        except BaseException:
            # else the loop would call us again and again
            self.close()
            raise
        self._watch()

    def _read_front(self) -> None:
        data = self._front.recv(_READ)
        if not data:
            self.close()
            return
        for each in self._requests.feed(data):
            if isinstance(each, Refused):
                self._to_front.send(format_failure(each.stream, each.number, each.message))
            else:
                self._ask(each)

    def _ask(self, request: Frame) -> None:
        frame = format_frame(request.stream, REQUEST, request.data, request.flags)
        if not self._kept.keep(request.stream, frame):
            reason = f"{COUNT_MAX} requests, or {SIZE_MAX} bytes of them, wait for their answers"
            self._to_front.send(format_failure(request.stream, RESOURCE_EXHAUSTED, reason))
        elif self._back is not None:
            self._send_back(frame)
        else:
            self._route.want(self)

    # the daemon

    def _send_back(self, data: bytes) -> None:
        assert self._to_back is not None
        self._kept.given = self._requests.last
        self._to_back.add(data)
        self._flush_back(self._to_back)
        self._watch()

    def _flush_back(self, to_back: Outgoing) -> None:
        try:
            to_back.flush()
        except OSError:
            # What it had sent before it died is read first; that it is gone is told by the next read.
            to_back.clear()

    def _back_ready(self, mask: int) -> None:
        assert self._to_back is not None
        try:
            if mask & WRITE:
                self._flush_back(self._to_back)
            if mask & (READ | HANGUP):
                self._read_back()
        except BlockingIOError:
            pass
        except OSError:
            self._drop_back()
        except BaseException:
            self.close()
            raise
        self._watch()

    def _read_back(self) -> None:
        assert self._back is not None
        data = self._back.recv(_READ)
        if not data:
            self._drop_back()
            return
        self._route.lives()
        for each in self._answers.feed(data):
            if each.kind == RESPONSE and self._kept.answered(each.stream):
                self._answer(each)

    def _answer(self, answer: Frame | Oversize) -> None:
        if isinstance(answer, Oversize):
            frame = format_failure(answer.stream, RESOURCE_EXHAUSTED, f"an answer of {answer.size} bytes is too long")
        else:
            frame = format_frame(answer.stream, RESPONSE, answer.data, answer.flags)
        try:
            self._to_front.send(frame)
        except OSError:
            self.close()

    def _drop_back(self) -> None:
        """The daemon is gone, or not needed any more."""
        back, self._back, self._to_back = self._back, None, None
        if back is not None:
            self._loop.unwatch(back.fileno())
            back.close()
        if self._is_open and back is not None:
            self._route.dropped()
            if len(self._kept):
                self._route.want(self)

    def _watch(self) -> None:
        """Watch for what can be done."""
        if not self._is_open:
            return
        read = READ if len(self._to_front) < _OUT_MAX else 0
        mask = read | (WRITE if len(self._to_front) else 0)
        if mask != self._front_mask:
            self._front_mask = mask
            self._loop.change(self._front.fileno(), mask)
        if self._back is not None and self._to_back is not None:
            mask = read | (WRITE if len(self._to_back) else 0)
            if mask != self._back_mask:
                self._back_mask = mask
                self._loop.change(self._back.fileno(), mask)
