"""
One connection of ttrpc, as the side that is called sees it, without the transport.

Many calls are open at once, and are answered in the order in which they end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import RunjdError
from runjd.protocols.ttrpc.call import Call, Caller, Origin
from runjd.protocols.ttrpc.envelope import Response, format_failure, format_response, parse_request
from runjd.protocols.ttrpc.frames import DATA_MAX, RESPONSE, Frame, format_frame
from runjd.protocols.ttrpc.requests import Refused, RequestReader
from runjd.protocols.ttrpc.services import IServices
from runjd.protocols.ttrpc.status import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNKNOWN, TtrpcError, code_of

#: calls of one connection that are open at the same time
CALLS_MAX = 1024
#: seconds; a limit that is longer is none, as no clock can be set so far
_TIMEOUT_MAX = 1e9

_log = Logger()


class Conversation:
    """
    The calls of one connection.

    :param origin: where they come from.
    :param connection: which one it is, for :class:`Caller`.
    :param services: what is called.
    :param clock: for their limits.
    :param write: sends bytes to the caller.
    :param repeated: calls on streams up to this one may have been given to an earlier daemon.
    """

    def __init__(
        self,
        origin: Origin,
        connection: str,
        services: IServices,
        clock: IReactorTime,
        write: Callable[[bytes], None],
        repeated: int = 0,
    ) -> None:
        self._origin = origin
        self._connection = connection
        self._services = services
        self._clock = clock
        self._write = write
        self._repeated = repeated
        self._reader = RequestReader()
        self._open: dict[int, _Open] = {}
        self._is_over = False

    @property
    def open_calls(self) -> int:
        """How many calls are not answered yet."""
        return len(self._open)

    def received(self, data: bytes) -> None:
        """Take the next bytes of the caller."""
        for each in self._reader.feed(data):
            if self._is_over:
                return
            if isinstance(each, Refused):
                self._write(format_failure(each.stream, each.number, each.message))
            elif len(self._open) >= CALLS_MAX:
                reason = f"{CALLS_MAX} calls of this connection wait for their answers; wait for some of them"
                self._write(format_failure(each.stream, RESOURCE_EXHAUSTED, reason))
            else:
                self._begin(each)

    def lost(self) -> None:
        """The connection is gone: nobody waits for an answer any more."""
        self._is_over = True
        waiting, self._open = self._open, {}
        for each in waiting.values():
            each.end()

    def _begin(self, frame: Frame) -> None:
        stream = frame.stream
        try:
            request = parse_request(frame.data)
        except RunjdError as error:
            self._write(format_failure(stream, code_of(error), f"this is no request: {error}"))
            return
        call = Call(
            request.service,
            request.method,
            request.payload,
            request.metadata,
            request.timeout,
            Caller(self._origin, self._connection, stream),
            stream <= self._repeated,
        )
        result = maybeDeferred(self._services.call, call)
        limit = None
        if 0.0 < request.timeout < _TIMEOUT_MAX and not result.called:
            limit = self._clock.callLater(request.timeout, self._late, call)
        # An answer that is there already removes this at once.
        self._open[stream] = _Open(result, limit)
        result.addCallback(partial(self._succeeded, call)).addErrback(partial(self._failed, call))

    def _succeeded(self, call: Call, payload: bytes) -> None:
        data = format_response(Response(payload))
        if len(data) > DATA_MAX:
            reason = f"the answer has {len(data)} bytes, of which {DATA_MAX} are allowed"
            raise TtrpcError(RESOURCE_EXHAUSTED, reason)
        self._answer(call.caller.stream, format_frame(call.caller.stream, RESPONSE, data))

    def _failed(self, call: Call, failure: Failure) -> None:
        stream = call.caller.stream
        error = failure.value
        if isinstance(error, RunjdError):
            self._answer(stream, format_failure(stream, code_of(error), str(error)))
            return
        if stream in self._open:
            _log.failure("{service}/{method} failed", failure, service=call.service, method=call.method)
        reason = f"this is a bug of runjd ({type(error).__name__}: {error}); the log of the daemon has more"
        self._answer(stream, format_failure(stream, UNKNOWN, reason))

    def _late(self, call: Call) -> None:
        stream = call.caller.stream
        late = self._open[stream]
        reason = f"{call.method} took longer than {call.timeout:g} s"
        self._answer(stream, format_failure(stream, DEADLINE_EXCEEDED, reason))
        late.end()

    def _answer(self, stream: int, frame: bytes) -> None:
        """Answer a call, unless that was done, or nobody is there."""
        answered = self._open.pop(stream, None)
        if answered is not None:
            answered.forget_limit()
            self._write(frame)


class _Open:
    """A call that is not answered."""

    __slots__ = ("_limit", "_result")

    def __init__(self, result: Deferred[bytes], limit: IDelayedCall | None) -> None:
        self._result = result
        self._limit = limit

    def forget_limit(self) -> None:
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self._limit = None

    def end(self) -> None:
        """Nobody waits for it."""
        self.forget_limit()
        self._result.cancel()
