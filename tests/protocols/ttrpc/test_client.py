"""The side of ttrpc that calls, against the one that is called, over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from runjd.protocols.ttrpc import status
from runjd.protocols.ttrpc.client import TtrpcClient
from runjd.protocols.ttrpc.conversation import Conversation
from runjd.protocols.ttrpc.frames import DATA_MAX, RESPONSE, format_frame
from runjd.protocols.ttrpc.server import TtrpcServer
from runjd.protocols.ttrpc.status import TtrpcError
from tests.protocols.ttrpc.conversing import ORIGIN, Scripted


class Ends:
    """A client and what it is connected with."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.services = Scripted()
        self.server: Protocol | None = None
        self.client = TtrpcClient(reactor)
        self._port = None

    async def connect(self, make=None):
        """Listen and connect; ``make`` makes the other end."""
        factory = Factory.forProtocol(Protocol)
        factory.noisy = False

        def build(_):
            self.server = make() if make else TtrpcServer(self._converse)
            return self.server

        factory.buildProtocol = build
        self._port = reactor.listenUNIX(self.path, factory, mode=0o600)
        await connectProtocol(UNIXClientEndpoint(reactor, self.path), self.client)

    async def close(self):
        """Close all of it."""
        self.client.close()
        await self._port.stopListening()
        ends = [self.client.transport, *([self.server.transport] if self.server else [])]
        for each in ends:
            each.abortConnection()
        while any(each.connected for each in ends):
            await deferLater(reactor, 0)

    def _converse(self, write):
        return Conversation(ORIGIN, "c", self.services, reactor, write)


@pytest_twisted.async_yield_fixture
async def ends(private_dir):
    """Return both ends, not connected."""
    made = Ends(f"{private_dir}/s")
    yield made
    await made.close()


class Garbage(Protocol):
    """Answers everything with the same bytes."""

    def __init__(self, words: bytes) -> None:
        self._words = words

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(self._words)


async def failure_of(deferred) -> TtrpcError:
    """Return the error that a call fails with."""
    with pytest.raises(TtrpcError) as caught:
        await deferred
    return caught.value


@pytest_twisted.ensureDeferred
async def test_calls_are_answered_in_any_order(ends):
    """Each gets its own answer, with what was said along with it."""
    await ends.connect()
    later = ends.client.call("test.Echo", "Later", b"", timeout=30.0)
    now = await ends.client.call("test.Echo", "Now", b"hello", [("containerd-namespace-ttrpc", "k8s")])
    ends.services.results[1].callback(b"at last")

    assert (now, await later) == (b"hello", b"at last")
    assert [each.timeout for each in ends.services.calls] == [30.0, 0.0]
    assert ends.services.calls[1].metadata == (("containerd-namespace-ttrpc", "k8s"),)


@pytest_twisted.ensureDeferred
async def test_what_the_other_side_says_of_a_failure_is_raised(ends):
    """Code and words are those of the other side."""
    await ends.connect()
    error = await failure_of(ends.client.call("test.Echo", "Never", b""))

    assert (error.number, str(error)) == (status.UNIMPLEMENTED, "no method test.Echo/Never")


@pytest_twisted.ensureDeferred
async def test_a_call_without_an_answer_ends_in_time(ends):
    """DEADLINE_EXCEEDED; an answer that comes later is skipped, and the connection goes on."""
    await ends.connect(lambda: Protocol())
    error = await failure_of(ends.client.call("test.Echo", "Later", b"", timeout=0.05))

    assert error.number == status.DEADLINE_EXCEEDED
    assert ends.client.is_open


@pytest_twisted.ensureDeferred
async def test_calls_fail_with_the_connection(ends):
    """UNAVAILABLE for those that wait, and for those that come later."""
    await ends.connect()
    waiting = ends.client.call("test.Echo", "Later", b"")
    await ends.client.call("test.Echo", "Now", b"")
    ends.server.transport.abortConnection()

    assert (await failure_of(waiting)).number == status.UNAVAILABLE
    assert (await failure_of(ends.client.call("test.Echo", "Now", b""))).number == status.UNAVAILABLE


@pytest_twisted.ensureDeferred
async def test_an_answer_of_the_greatest_length_is_taken(ends):
    """Nearly 4 MiB go there and back; longer ones are refused before they are sent."""
    await ends.connect()
    payload = bytes(DATA_MAX - 100)

    assert await ends.client.call("test.Echo", "Now", payload) == payload
    error = await failure_of(ends.client.call("test.Echo", "Now", bytes(DATA_MAX)))
    assert error.number == status.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (format_frame(1, RESPONSE, b"\x0a\xff"), status.UNAVAILABLE),
        ((DATA_MAX + 1).to_bytes(4, "big") + b"\0\0\0\1\2\0", status.RESOURCE_EXHAUSTED),
        (format_frame(9, RESPONSE, b"") + format_frame(1, 77, b"?") + format_frame(1, RESPONSE, b""), None),
    ],
    ids=["unreadable", "too long", "strange"],
)
@pytest_twisted.ensureDeferred
async def test_a_broken_answer_ends_the_call(ends, words, number):
    """What cannot be read, or is too long; strange streams and kinds are skipped."""
    await ends.connect(lambda: Garbage(words))
    call = ends.client.call("test.Echo", "Now", b"")

    if number is None:
        assert await call == b""
    else:
        assert (await failure_of(call)).number == number


@pytest_twisted.ensureDeferred
async def test_calls_are_cancelled_with_the_connection(ends):
    """The service learns that nobody waits any more."""
    await ends.connect()
    waiting = ends.client.call("test.Echo", "Later", b"")
    await ends.client.call("test.Echo", "Now", b"")
    ends.services.results[1].addErrback(lambda _: None)
    ends.client.close()
    await failure_of(waiting)
    await ends.services.gone

    assert ends.services.cancelled == [1]
