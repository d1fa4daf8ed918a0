"""
The side of ttrpc that calls.

    client = TtrpcClient(reactor)
    yield connectProtocol(UNIXClientEndpoint(reactor, path), client)
    payload = yield client.call("containerd.services.events.ttrpc.v1.Events", "Forward", message, timeout=5.0)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from runjd.errors import RunjdError
from runjd.protocols.ttrpc.envelope import Request, format_request, parse_response
from runjd.protocols.ttrpc.frames import DATA_MAX, REQUEST, RESPONSE, STREAM_MAX, FrameReader, Oversize, format_frame
from runjd.protocols.ttrpc.status import DEADLINE_EXCEEDED, OK, RESOURCE_EXHAUSTED, UNAVAILABLE, TtrpcError

if TYPE_CHECKING:
    from runjd.protocols.ttrpc.call import Pairs


class TtrpcClient(Protocol):
    """
    One connection.

    :param clock: for the limits of calls.
    """

    transport: Any  # ITransport

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._reader = FrameReader()
        self._waiting: dict[int, _Waiting] = {}
        self._next = 1
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return self._is_open

    def call(
        self, service: str, method: str, payload: bytes, metadata: Pairs = (), timeout: float = 0.0
    ) -> Deferred[bytes]:
        """
        Call a method; to cancel is to no longer wait for it.

        :param timeout: seconds, also told to the other side; 0.0 without a limit.
        :return: fires with the message that it returned. Fails with :class:`TtrpcError`: what the other side said;
            DEADLINE_EXCEEDED; UNAVAILABLE where the connection is gone; RESOURCE_EXHAUSTED where the request or the
            answer is longer than a frame may be.
        """
        if not self._is_open or self._next > STREAM_MAX:
            return fail(TtrpcError(UNAVAILABLE, "the connection is gone; make another one"))
        data = format_request(Request(service, method, payload, timeout, metadata))
        if len(data) > DATA_MAX:
            return fail(TtrpcError(RESOURCE_EXHAUSTED, f"a request of {len(data)} bytes is longer than {DATA_MAX}"))
        stream = self._next
        self._next += 2
        result: Deferred[bytes] = Deferred(partial(self._cancelled, stream))
        limit = None
        if timeout > 0.0:
            reason = f"{service}/{method} was not answered within {timeout:g} s"
            limit = self._clock.callLater(timeout, self._fail, stream, DEADLINE_EXCEEDED, reason)
        self._waiting[stream] = _Waiting(result, limit)
        self.transport.write(format_frame(stream, REQUEST, data))
        return result

    def close(self) -> None:
        """Close the connection; what was called fails."""
        if self._is_open:
            self.transport.loseConnection()
            self._end("the connection was closed")

    def connectionMade(self) -> None:
        self._is_open = True

    def dataReceived(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            if isinstance(frame, Oversize):
                reason = f"an answer of {frame.size} bytes is longer than {DATA_MAX}"
                self._fail(frame.stream, RESOURCE_EXHAUSTED, reason)
            elif frame.kind == RESPONSE:
                self._answered(frame.stream, frame.data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._end("the connection is gone" + (f": {reason.getErrorMessage()}" if reason else ""))

    def _answered(self, stream: int, data: bytes) -> None:
        try:
            response = parse_response(data)
        except RunjdError as error:
            self._end(f"the other side does not speak ttrpc: {error}")
            self.transport.loseConnection()
            return
        if response.number != OK:
            self._fail(stream, response.number, response.message)
            return
        waiting = self._forget(stream)
        if waiting is not None:
            waiting.result.callback(response.payload)

    def _fail(self, stream: int, number: int, message: str) -> None:
        waiting = self._forget(stream)
        if waiting is not None:
            waiting.result.errback(TtrpcError(number, message))

    def _forget(self, stream: int) -> _Waiting | None:
        waiting = self._waiting.pop(stream, None)
        if waiting is not None and waiting.limit is not None and waiting.limit.active():
            waiting.limit.cancel()
        return waiting

    def _cancelled(self, stream: int, _: Deferred[bytes]) -> None:
        self._forget(stream)

    def _end(self, reason: str) -> None:
        self._is_open = False
        for stream in list(self._waiting):
            self._fail(stream, UNAVAILABLE, reason)


class _Waiting:
    """A call that was not answered yet."""

    __slots__ = ("limit", "result")

    def __init__(self, result: Deferred[bytes], limit: IDelayedCall | None) -> None:
        self.result = result
        self.limit = limit
