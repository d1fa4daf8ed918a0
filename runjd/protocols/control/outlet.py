"""
Everything that goes out on one connection, in order and with bounded memory.

Replies are contiguous: their lines are pulled from where they are made as fast as
the client reads, and nothing else is written meanwhile.  Events wait for their
turn; when too many wait, the rest is dropped and told as one gap.  One that nothing
was written before is sent at once: the reactor would send it behind all that it brings about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.protocols.control.reply import format_announcement

#: bytes of events that wait for a client before they are dropped
MAX_EVENTS = 256 * 1024
#: seconds without progress after which a connection with a full queue is closed
STUCK = 60.0

_PIECE = 16 * 1024
#: seconds since the last line after which an event is sent at once; many that come together are one piece
_QUIET = 0.001


class Transport(Protocol):
    """What is needed of the connection; any ITransport that is an IConsumer has it."""

    def write(self, data: bytes) -> None:
        """Send."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Pause this producer when the buffer is full."""

    def unregisterProducer(self) -> None:
        """Do so no longer."""


class Unit:
    """
    Lines that nothing may come between.

    :param body: what comes first.
    :param pages: instead of ``body``: what has to be waited for.
    :param end: makes the last line, from what went wrong with the body or None.
    :param done: called when the last line was given to the transport.
    """

    __slots__ = ("body", "done", "end", "pages")

    def __init__(
        self,
        body: Iterator[bytes],
        pages: AsyncGenerator[Sequence[bytes]] | None,
        end: Callable[[Failure | None], bytes],
        done: Callable[[], None],
    ) -> None:
        self.body = body
        self.pages = pages
        self.end = end
        self.done = done


@implementer(IPushProducer)
class Outlet:
    """
    The way out of one connection.

    :param give_up: called when the client took nothing for :data:`STUCK` seconds while the queue was full.
    """

    def __init__(self, transport: Transport, clock: IReactorTime, give_up: Callable[[], None]) -> None:
        self._transport = transport
        self._descriptor: IWriteDescriptor | None = transport if IWriteDescriptor.providedBy(transport) else None
        self._clock = clock
        self._give_up = give_up
        self._queue: deque[Unit | bytes] = deque()
        self._current: Unit | None = None
        self._is_pumping = False
        self._is_paused = False
        self._is_closed = False
        self._page: Deferred[object] | None = None
        self._stuck: IDelayedCall | None = None
        self._event_bytes = 0
        self._lost = 0
        self._lost_seq = 0
        #: when something was last written
        self.written_at = clock.seconds()
        transport.registerProducer(self, True)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be given to the transport."""
        return self._current is None and not self._queue

    def put(self, unit: Unit) -> None:
        """Write these lines when it is their turn."""
        self._queue.append(unit)
        self._pump()

    def announce(self, seq: int, line: bytes) -> None:
        """Write an event between the replies, or count it as lost."""
        if self._lost or (self._event_bytes + len(line) > MAX_EVENTS):
            self._lost += 1
            self._lost_seq = seq
            return
        self._event_bytes += len(line)
        self._queue.append(line)
        self._pump()

    def release(self) -> None:
        """Let go of the transport; nothing waits."""
        self._transport.unregisterProducer()
        self.stopProducing()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._is_paused = True
        if self._stuck is None and not self._is_closed:
            self._stuck = self._clock.callLater(STUCK, self._is_stuck)

    def resumeProducing(self) -> None:
        """The client took what was sent."""
        self._is_paused = False
        self._stop_clock()
        self._pump()

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._is_closed = True
        self._stop_clock()
        left = [self._current, *self._queue]
        self._queue.clear()
        self._current = None
        if self._page is not None:
            self._page.cancel()
        for unit in left:
            if isinstance(unit, Unit) and unit.pages is not None:
                Deferred.fromCoroutine(_end_pages(unit.pages))

    def _pump(self) -> None:
        """Write until the transport is full, or nothing is left."""
        if self._is_pumping:
            return
        self._is_pumping = True
        try:
            while not self._is_paused and not self._is_closed and self._page is None:
                if self._current is not None:
                    self._write_some(self._current)
                elif self._queue:
                    self._take()
                elif self._lost:
                    line = format_announcement(self._lost_seq, [("ev", "gap"), ("lost", str(self._lost))])
                    self._lost = 0
                    self._write(line)
                else:
                    return
        finally:
            self._is_pumping = False

    def _take(self) -> None:
        """Take what is next in the queue; all events up to the next unit at once."""
        events: list[bytes] = []
        while self._queue and len(events) < 64:
            first = self._queue[0]
            if isinstance(first, Unit):
                if not events:
                    self._queue.popleft()
                    self._current = first
                break
            self._queue.popleft()
            events.append(first)
            self._event_bytes -= len(first)
        if events:
            before = self.written_at
            self._write(b"".join(events))
            if self.written_at - before >= _QUIET:
                self._hurry()

    def _write_some(self, unit: Unit) -> None:
        if unit.pages is not None:
            self._ask(unit, unit.pages)
            return
        lines = []
        size = 0
        problem = None
        try:
            for line in unit.body:
                lines.append(line)
                size += len(line)
                if size >= _PIECE:
                    self._write(b"".join(lines))
                    return
        except Exception:
            problem = Failure()  # type: ignore[no-untyped-call]
        self._finish(unit, problem, b"".join(lines))

    def _ask(self, unit: Unit, pages: AsyncGenerator[Sequence[bytes]]) -> None:
        """Wait for the next page of a body that has to be waited for."""

        def came(page: Sequence[bytes] | None) -> None:
            self._page = None
            if self._is_closed:
                return
            if page is None:
                self._finish(unit, None, b"")
            else:
                self._write(b"".join(page))

        def failed(problem: Failure) -> None:
            self._page = None
            if not self._is_closed:
                self._finish(unit, problem, b"")

        page: Deferred[Sequence[bytes] | None] = Deferred.fromCoroutine(_next_page(pages))
        self._page = page  # type: ignore[assignment]
        page.addCallbacks(came, failed)
        if not page.called:
            page.addBoth(lambda _: self._pump())

    def _finish(self, unit: Unit, problem: Failure | None, rest: bytes) -> None:
        self._current = None
        self._write(rest + unit.end(problem))
        unit.done()

    def _write(self, data: bytes) -> None:
        if data:
            self.written_at = self._clock.seconds()
            self._transport.write(data)

    def _hurry(self) -> None:
        """Send what was written, where the transport can; what goes wrong it meets again, and tells, in its turn."""
        descriptor = self._descriptor
        if descriptor is not None and not getattr(descriptor, "disconnecting", False):
            descriptor.doWrite()

    def _is_stuck(self) -> None:
        self._stuck = None
        self._give_up()

    def _stop_clock(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None


async def _end_pages(pages: AsyncGenerator[Sequence[bytes]]) -> None:
    """Let go of the file that the pages are read from."""
    await pages.aclose()


async def _next_page(pages: AsyncGenerator[Sequence[bytes]]) -> Sequence[bytes] | None:
    try:
        return await pages.__anext__()
    except StopAsyncIteration:
        return None
