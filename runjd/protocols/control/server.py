"""
One connection of the control protocol: lines in, replies and events out.

A connection with 64 requests in flight is not read until some are answered, and
no connection is read for long without others having their turn.
"""

from __future__ import annotations

import select
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import Busy, Closing, Denied, RunjdError, WrongState
from runjd.policy.facts import Event
from runjd.policy.principal import Principal
from runjd.protocols.control.hall import MAX_IN_FLIGHT, Hall
from runjd.protocols.control.lines import MAX_LINE, LineReader
from runjd.protocols.control.outlet import STUCK, Outlet, Unit
from runjd.protocols.control.reply import format_announcement, format_comment, format_failure
from runjd.protocols.control.request import is_blank
from runjd.protocols.control.requests import Requests
from runjd.protocols.control.streams import FrameStream, Stream
from runjd.protocols.control.verbs.render import event_line
from runjd.protocols.control.verbs.table import VerbTable

#: seconds of silence after which a connection that waits for something gets a sign of life
IDLE = 30.0
#: seconds that one who is refused has to say what he came for, which nobody reads
LINGER = 0.5
#: lines of one connection that are read before others have their turn
TURN = 256
#: consecutive lines that make no sense before the connection is closed
MAX_UNREADABLE = 3
#: bytes behind a request for a stream that are taken before it is answered
MAX_EARLY = 64 * 1024


@implementer(IHalfCloseableProtocol)
class ControlProtocol(Protocol):
    """
    One connection.

    :param hall: what all connections share.
    :param identify: says who is at the other end of a transport.
    """

    transport: Any  # ITransport, IConsumer and IPushProducer in one, as every stream connection is

    def __init__(self, hall: Hall, identify: Callable[[Any], Principal]) -> None:
        self._hall = hall
        self._identify = identify
        self._reader = LineReader(MAX_LINE)
        self._outlet: Outlet | None = None
        self._requests: Requests | None = None
        self._greeting: Sequence[tuple[str, str]] = ()
        self._shown: Callable[[Event], Event | None] | None = None
        self._stream: Stream | None = None
        self._next_stream: Stream | None = None
        self._is_first = True
        self._is_reading = False
        self._is_held = False
        self._is_input_closed = False
        self._is_closing = False
        self._is_shut = False
        self._turn: IDelayedCall | None = None
        self._timer: IDelayedCall | None = None

    # what the transport says

    def connectionMade(self) -> None:
        try:
            principal = self._identify(self.transport)
            self._hall.admit(self, principal)
        except (Busy, Denied) as error:
            self._is_closing = True
            self.transport.write(format_failure("?", error))
            # Closing at once would lose that line for whoever has sent something already (ECONNRESET).
            self._timer = self._hall.clock.callLater(LINGER if self._hall.linger(self) else 0, self._shut)
            return
        self._outlet = Outlet(self.transport, self._hall.clock, self._abort)
        self._requests = Requests(self._hall, principal, self, self._outlet, self._read_on, self._turned)
        self._greeting = self._hall.greeting(principal)
        self.transport.write(format_announcement(0, self._greeting))
        self._timer = self._hall.clock.callLater(IDLE, self._say_alive)

    def dataReceived(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream.received(data)
        elif not self._is_closing:
            self._reader.feed(data)
            self._read_on()

    def readConnectionLost(self) -> None:
        self._is_input_closed = True
        if _is_gone(self.transport.fileno()):
            self._abort()
        elif self._requests is None:
            self._shut()
        elif self._stream is not None:
            self._stream.input_closed()
        else:
            self._read_on()

    def writeConnectionLost(self) -> None:
        self._abort()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._is_closing = self._is_shut = True
        self._shown = None
        self._hall.leave(self)
        for timer in (self._turn, self._timer):
            if timer is not None and timer.active():
                timer.cancel()
        stream = self._stream or self._next_stream
        if stream is not None:
            stream.lost()
        if self._requests is not None:
            self._requests.drop()
        if self._outlet is not None:
            self._outlet.stopProducing()

    # what the verbs may do with the connection

    @property
    def greeting(self) -> Sequence[tuple[str, str]]:
        return self._greeting

    @property
    def capabilities(self) -> Sequence[tuple[str, str]]:
        return self._hall.capabilities

    @property
    def verbs(self) -> VerbTable:
        return self._hall.verbs

    @property
    def is_subscribed(self) -> bool:
        return self._shown is not None

    def subscribe(self, shown: Callable[[Event], Event | None]) -> None:
        self._shown = shown
        self._hall.listen(self)

    def unsubscribe(self) -> None:
        self._shown = None
        self._hall.unlisten(self)

    def announce(self, event: Event, line: Callable[[], bytes]) -> None:
        """
        Show an event, if it was asked for, and as far as it may be seen.

        :param line: returns what shows all of it.
        """
        shown = self._shown(event) if self._outlet is not None and self._shown is not None else None
        if shown is not None and self._outlet is not None:
            self._outlet.announce(event.seq, line() if shown is event else event_line(shown))

    def cancel(self, tag: str) -> bool:
        return self._requests is not None and self._requests.cancel(tag)

    def refuse_stream(self, tag: str) -> None:
        if self._shown is not None:
            raise WrongState("a subscription is open on this connection; attach on another one")
        other = self._requests.other_than(tag) if self._requests is not None else None
        if other is not None:
            raise WrongState(f"{other} is in flight on this connection; attach on another one")

    def make_stream(self, mode: str) -> Stream:
        if self._is_shut:
            raise Closing("the client is gone")
        self._next_stream = (FrameStream if mode == "frame" else Stream)(self.transport)
        return self._next_stream

    async def follow(self, pages: AsyncGenerator[Sequence[bytes]]) -> None:
        async with aclosing(pages):
            async for page in pages:
                if self._outlet is None:
                    return
                written: Deferred[None] = Deferred()
                self._outlet.put(Unit(iter(page), None, _no_line, lambda fires=written: fires.callback(None)))  # type: ignore[misc]
                await written

    def reopen_audit(self) -> Deferred[None]:
        return self._hall.audit.reopen()

    def close(self) -> None:
        self._is_closing = True
        self._shut()

    def say_goodbye(self, reason: str) -> None:
        """Close, saying why; what is in flight is not answered."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._stream is not None or self._outlet is None:
            self._shut()
        else:
            line = format_failure("?", Closing(reason))
            self._outlet.put(Unit(iter(()), None, lambda _: line, self._shut))

    def reconsider(self) -> None:
        """Other rules are in force: end what is in flight, or the stream, where it is not allowed any more."""
        reason = self._requests.reconsider() if self._requests is not None else ""
        if reason:
            self.say_goodbye(reason)

    # reading

    def _read_on(self) -> None:
        """Take the lines that are there, as far as the limits allow."""
        if self._is_reading or self._stream is not None or self._requests is None:
            return
        self._is_reading = True
        left = TURN
        is_empty = False
        while self._may_read(self._requests):
            if not left:
                self._turn = self._hall.clock.callLater(0, self._take_turn)
                break
            left -= 1
            line = self._reader.next_line()
            if line is None:
                is_empty = True
                break
            self._take(self._requests, line)
        self._is_reading = False
        self._hold_or_read(self._requests)
        if self._is_input_closed and is_empty:
            self._finish(self._requests)

    def _may_read(self, requests: Requests) -> bool:
        if self._is_closing or self._stream is not None or requests.is_turning or self._turn is not None:
            return False
        return requests.in_flight < MAX_IN_FLIGHT

    def _take_turn(self) -> None:
        self._turn = None
        self._read_on()

    def _take(self, requests: Requests, line: str | RunjdError) -> None:
        if isinstance(line, str):
            if is_blank(line):
                return
            if self._is_first and " HTTP/" in line:
                self.say_goodbye("this is not HTTP")
                return
        self._is_first = False
        requests.take(line)
        if requests.unreadable >= MAX_UNREADABLE:
            self.say_goodbye(f"{MAX_UNREADABLE} lines in a row could not be read")

    def _hold_or_read(self, requests: Requests) -> None:
        """Stop reading the connection while there is enough to do, and go on afterwards."""
        if self._is_closing or self._is_input_closed or self._stream is not None:
            return
        if requests.is_turning:
            is_enough = self._reader.pending >= MAX_EARLY
        else:
            is_enough = requests.in_flight >= MAX_IN_FLIGHT or self._turn is not None
        if is_enough == self._is_held:
            return
        self._is_held = is_enough
        if is_enough:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def _finish(self, requests: Requests) -> None:
        """The client sends no more: close as soon as nothing is open."""
        half = self._reader.finish()
        if half is not None:
            requests.take(half)
        is_idle = self._outlet is not None and self._outlet.is_idle
        if not requests.in_flight and self._shown is None and is_idle and not self._is_closing:
            self.close()

    def _turned(self, stream: Stream | None) -> None:
        """The request for a stream was answered."""
        if stream is None:
            if self._reader.pending:
                self.say_goodbye("bytes follow a request for a stream that was refused")
            else:
                self._read_on()
            return
        self._stream = stream
        if self._timer is not None:
            self._timer.cancel()
        if self._outlet is not None:
            self._outlet.release()
        if self._is_held and not self._is_input_closed:
            self.transport.resumeProducing()
        rest = self._reader.take_rest()
        stream.open()
        if rest:
            stream.received(rest)
        if self._is_input_closed:
            stream.input_closed()

    # time and closing

    def _say_alive(self) -> None:
        """Give a sign of life where somebody waits and nothing was said for long; it finds out a peer that is gone."""
        if self._outlet is None or self._requests is None:
            return
        silent = self._hall.clock.seconds() - self._outlet.written_at
        if silent >= IDLE and self._outlet.is_idle and (self._requests.in_flight or self._shown is not None):
            line = format_comment("still here")
            self._outlet.put(Unit(iter((line,)), None, _no_line, lambda: None))
        self._timer = self._hall.clock.callLater(IDLE - silent if silent < IDLE else IDLE, self._say_alive)

    def _shut(self) -> None:
        """Close once what was said is sent, or after a while in any case."""
        if self._is_shut:
            return
        self._is_shut = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        # who was refused counts nowhere, and by TLS could keep a descriptor as long as he says no good-bye
        self._timer = self._hall.clock.callLater(LINGER if self._requests is None else STUCK, self._abort)
        if self._stream is not None:
            self._stream.lost()
            self.transport.unregisterProducer()
        elif self._outlet is not None:
            self._outlet.release()
        self.transport.loseConnection()

    def _abort(self) -> None:
        self.transport.abortConnection()


def _is_gone(fd: int) -> bool:
    """Return whether the client closed both directions: poll(2) tells it from a half-close, read(2) does not."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


def _no_line(problem: Failure | None) -> bytes:
    return b""
