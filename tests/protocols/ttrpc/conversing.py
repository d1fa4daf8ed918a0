"""Services of a test, and an end to call them by."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from runjd.protocols.ttrpc.call import Call, Origin
from runjd.protocols.ttrpc.envelope import Request, Response, format_request, parse_response
from runjd.protocols.ttrpc.frames import REQUEST, RESPONSE, Frame, FrameReader, format_frame
from runjd.protocols.ttrpc.services import IServices
from runjd.protocols.ttrpc.status import UNIMPLEMENTED, TtrpcError

ORIGIN = Origin("/run/containerd/containerd.sock", "/run/containerd/containerd.sock.ttrpc", "default")


@implementer(IServices)
class Scripted:
    """
    Services with one, test.Echo: Now returns what it was given, Later when told so, Bad what it must not.

    :ivar calls: all there were.
    :ivar results: of Later, by stream.
    :ivar cancelled: streams of calls that were cancelled.
    :ivar gone: fires when the first was.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.results: dict[int, Deferred[bytes]] = {}
        self.cancelled: list[int] = []
        self.gone: Deferred[None] = Deferred()

    def call(self, call: Call) -> Deferred[bytes] | bytes:
        """Carry out a call."""
        self.calls.append(call)
        ways: dict[str, Callable[[Call], Deferred[bytes] | bytes]] = {
            "Now": lambda call: call.payload,
            "Later": self._later,
            "Raise": self._raise,
            "Huge": lambda call: bytes(5 << 20),
        }
        if call.service != "test.Echo" or call.method not in ways:
            raise TtrpcError(UNIMPLEMENTED, f"no method {call.service}/{call.method}")
        return ways[call.method](call)

    def _later(self, call: Call) -> Deferred[bytes]:
        stream = call.caller.stream
        self.results[stream] = Deferred(lambda _: self._cancelled(stream))
        return self.results[stream]

    def _cancelled(self, stream: int) -> None:
        self.cancelled.append(stream)
        if not self.gone.called:
            self.gone.callback(None)

    def _raise(self, call: Call) -> Deferred[bytes]:
        raise KeyError(call.payload)


def request(stream: int, method: str, payload: bytes = b"", service: str = "test.Echo", timeout: float = 0.0) -> bytes:
    """Return the frame of a request."""
    return format_frame(stream, REQUEST, format_request(Request(service, method, payload, timeout)))


def answers(written: bytes) -> list[tuple[int, Response]]:
    """Return streams and responses of what was written, which must be whole."""
    reader = FrameReader()
    found = []
    for frame in reader.feed(written):
        assert isinstance(frame, Frame)
        assert frame.kind == RESPONSE
        found.append((frame.stream, parse_response(frame.data)))
    assert reader.is_between
    return found
