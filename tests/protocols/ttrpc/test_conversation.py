"""The rules of one connection, for the side that is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from runjd.errors import NoSuchJail
from runjd.protocols.ttrpc import status
from runjd.protocols.ttrpc.call import Call, Caller
from runjd.protocols.ttrpc.conversation import CALLS_MAX, Conversation
from runjd.protocols.ttrpc.envelope import Response
from runjd.protocols.ttrpc.frames import REQUEST, FrameReader, format_frame
from tests.protocols.ttrpc.conversing import ORIGIN, Scripted, answers, request


class Bench:
    """A conversation with scripted services, on a clock that the test sets."""

    def __init__(self, repeated: int = 0) -> None:
        self.services = Scripted()
        self.clock = Clock()
        self.written = bytearray()
        self.conversation = Conversation(ORIGIN, "r-1", self.services, self.clock, self.written.extend, repeated)

    def say(self, *frames: bytes) -> list[tuple[int, Response]]:
        """Send frames, and return what was answered since the last time."""
        for each in frames:
            self.conversation.received(each)
        found = answers(bytes(self.written))
        self.written.clear()
        return found


@pytest.fixture
def bench():
    """Return a conversation; at its end no limit may be pending."""
    made = Bench()
    yield made
    made.conversation.lost()
    assert made.clock.getDelayedCalls() == []


def test_a_call_reaches_its_service_and_is_answered(bench):
    """The service sees who calls, and what it returns comes back on the same stream."""
    assert bench.say(request(1, "Now", b"hello")) == [(1, Response(b"hello"))]
    assert bench.services.calls == [Call("test.Echo", "Now", b"hello", (), 0.0, Caller(ORIGIN, "r-1", 1))]


def test_answers_come_in_the_order_in_which_calls_end(bench):
    """A call that waits holds up none behind it."""
    assert bench.say(request(1, "Later"), request(3, "Later"), request(5, "Now")) == [(5, Response())]
    bench.services.results[3].callback(b"three")
    bench.services.results[1].callback(b"one")

    assert bench.say() == [(3, Response(b"three")), (1, Response(b"one"))]
    assert bench.conversation.open_calls == 0


def test_an_error_is_told_by_its_code(bench):
    """Errors of ours have the code of their kind, those of the service's own choice theirs."""
    bench.say(request(1, "Later"))
    bench.services.results[1].errback(NoSuchJail("web"))

    assert bench.say(request(3, "Never"), request(5, "Now", service="other.Echo")) == [
        (1, Response(b"", status.NOT_FOUND, 'no jail named "web"')),
        (3, Response(b"", status.UNIMPLEMENTED, "no method test.Echo/Never")),
        (5, Response(b"", status.UNIMPLEMENTED, "no method other.Echo/Now")),
    ]


def test_a_bug_is_told_and_logged_and_the_connection_goes_on(bench):
    """An error that nobody thought of is UNKNOWN to the caller, and stands in the log with its traceback."""
    events = []
    globalLogPublisher.addObserver(events.append)
    try:
        (stream, response), *rest = bench.say(request(1, "Raise"), request(3, "Now"))
    finally:
        globalLogPublisher.removeObserver(events.append)

    assert (stream, response.number, rest) == (1, status.UNKNOWN, [(3, Response())])
    assert "KeyError" in response.message
    assert [each["log_failure"].type for each in events] == [KeyError]


def test_what_is_no_request_is_refused(bench):
    """INVALID_ARGUMENT for data that cannot be read; no service hears of them."""
    (answer,) = bench.say(format_frame(1, REQUEST, b"\x0a\xff"))

    assert (answer[0], answer[1].number) == (1, status.INVALID_ARGUMENT)
    assert bench.services.calls == []


def test_streams_that_break_the_rules_are_refused(bench):
    """An even one, and one that was there; the call that has it goes on."""
    found = bench.say(request(3, "Later"), request(4, "Now"), request(3, "Now"), request(1, "Now"))
    bench.services.results[3].callback(b"still")

    assert [(stream, each.number) for stream, each in found] == [
        (4, status.INVALID_ARGUMENT),
        (3, status.INVALID_ARGUMENT),
        (1, status.INVALID_ARGUMENT),
    ]
    assert bench.say() == [(3, Response(b"still"))]


def test_a_call_that_takes_too_long_is_answered_and_cancelled(bench):
    """At its limit, not before; what it comes to later is nobody's business."""
    bench.say(request(1, "Later", timeout=2.5), request(3, "Later", timeout=2.5))
    bench.clock.advance(2.4)
    bench.services.results[3].callback(b"in time")
    assert bench.say() == [(3, Response(b"in time"))]
    bench.clock.advance(0.2)

    assert bench.say() == [(1, Response(b"", status.DEADLINE_EXCEEDED, "Later took longer than 2.5 s"))]
    assert bench.services.cancelled == [1]


def test_calls_are_cancelled_when_the_caller_is_gone(bench):
    """Nobody waits for them; those that are answered are left alone."""
    bench.say(request(1, "Later", timeout=5.0), request(3, "Later"), request(5, "Later"))
    bench.services.results[3].callback(b"")
    bench.say()
    bench.conversation.lost()

    assert bench.services.cancelled == [1, 5]
    assert bench.say(request(7, "Now")) == []


def test_an_answer_that_is_too_long_is_an_error(bench):
    """RESOURCE_EXHAUSTED, as the other side would not take it."""
    (answer,) = bench.say(request(1, "Huge"))

    assert (answer[0], answer[1].number) == (1, status.RESOURCE_EXHAUSTED)


def test_the_calls_of_one_connection_are_bounded(bench):
    """Beyond that RESOURCE_EXHAUSTED, until some are answered."""
    bench.say(*(request(2 * n + 1, "Later") for n in range(CALLS_MAX)))
    ((stream, refused),) = bench.say(request(4001, "Now"))
    bench.services.results[1].callback(b"")

    assert (stream, refused.number) == (4001, status.RESOURCE_EXHAUSTED)
    assert bench.say(request(4003, "Now")) == [(1, Response()), (4003, Response())]


def test_what_an_earlier_daemon_was_given_is_marked():
    """Streams up to the one that the relay names are repeated, those behind it are new."""
    bench = Bench(repeated=3)
    bench.say(request(3, "Now"), request(5, "Now"))

    assert [(call.caller.stream, call.is_repeated) for call in bench.services.calls] == [(3, True), (5, False)]


@given(st.lists(st.binary(max_size=60) | st.integers(0, 9).map(lambda n: request(n, "Now", b"x")), max_size=20))
def test_any_bytes_are_answered_by_whole_frames(pieces):
    """Whatever comes in, nothing is raised, and what goes out can be read."""
    bench = Bench()
    for each in pieces:
        bench.conversation.received(each)
    reader = FrameReader()
    reader.feed(bytes(bench.written))

    assert reader.is_between
    bench.conversation.lost()
    assert bench.clock.getDelayedCalls() == []
