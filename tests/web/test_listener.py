"""Metrics by HTTP."""

from io import BytesIO

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import Cancelled, Unsupported
from runjd.interfaces import IDiagnosis
from runjd.web.listener import CONNECTIONS, LIFE, PATIENCE, metrics_site

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(StringTransport):
    """A transport that is really closed, and tells so."""

    def __init__(self, protocol) -> None:
        super().__init__()
        self.end = ""
        self.protocol = protocol
        protocol.makeConnection(self)

    def loseConnection(self):
        self._close("closed")

    def abortConnection(self):
        self._close("aborted")

    def _close(self, how):
        if not self.end:
            self.end = how
            self.protocol.connectionLost(Failure(ConnectionDone()))


@implementer(IDiagnosis)
class Bench:
    """A site whose metrics are what a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.outcome: Deferred = succeed(b"runjd_up 1.0\n")
        self.asked = 0
        self.site = metrics_site(self, self.clock)

    def metrics(self):
        self.asked += 1
        return self.outcome

    def dump(self):
        raise AssertionError("nobody asks for that here")

    def connect(self) -> Wire:
        return Wire(self.site.buildProtocol(None))

    def get(self, request: bytes) -> Wire:
        wire = self.connect()
        wire.protocol.dataReceived(request)
        self.clock.advance(0)
        return wire


@pytest.fixture
def bench():
    """Return a site."""
    made = Bench()
    yield made
    for wire in [each.transport for each in made.site.protocols]:
        wire.abortConnection()
    assert made.clock.getDelayedCalls() == []


def test_the_metrics_are_told(bench):
    """With their type and length, and the connection closes."""
    wire = bench.get(GET)

    head, _, body = wire.value().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: text/plain; version=0.0.4; charset=utf-8" in head.lower()
    assert b"content-length: 13" in head.lower()
    assert body == b"runjd_up 1.0\n"
    assert wire.end == "closed"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /metrics/x HTTP/1.1", b"404"),
        (b"GET /x/metrics HTTP/1.1", b"404"),
        (b"GET /../etc/passwd HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"nonsense", b"400"),
    ],
)
def test_there_is_nothing_else(bench, request_line, status):
    """Other paths and methods are refused, and nothing is measured for them."""
    wire = bench.get(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert wire.value().split()[1] == status
    assert bench.asked == 0


@pytest.mark.parametrize("framing", [b"Content-Length: 2000000", b"Transfer-Encoding: chunked"])
def test_no_body_is_kept(bench, framing):
    """Neither in memory nor in a file, however long it is; the answer is that of a request without one."""
    wire = bench.connect()
    kind = b"Content-Type: application/x-www-form-urlencoded"
    wire.protocol.dataReceived(b"\r\n".join([b"POST /metrics HTTP/1.1", b"Host: x", kind, framing, b"", b""]))
    (request,) = wire.protocol.wrappedProtocol._channel.requests
    piece = b"a" * 1_000_000
    pieces = [b"f4240\r\n" + piece + b"\r\n", b"f4240\r\n" + piece + b"\r\n0\r\n\r\n"]
    for each in pieces if b"chunked" in framing else [piece, piece]:
        assert (type(request.content), request.content.tell()) == (BytesIO, 0)
        wire.protocol.dataReceived(each)
        kept = request.content
    assert kept is None  # answered, and forgotten

    assert wire.value().split()[1] == b"405"


def test_what_is_wrong_is_said(bench):
    """As a package that is missing."""
    bench.outcome = fail(Unsupported("", "metrics need prometheus_client; install it"))
    said = bench.get(GET).value()

    assert said.startswith(b"HTTP/1.1 503 ")
    assert said.endswith(b"\r\n\r\nmetrics need prometheus_client; install it\n")


def test_a_client_that_goes_away_is_waited_for_no_longer(bench):
    """Nor is it answered."""
    found = []
    bench.outcome = Deferred(lambda work: work.errback(Cancelled("no longer waited for")))
    bench.outcome.addErrback(lambda failure: (found.append(failure.type), failure)[1])
    wire = bench.get(GET)

    wire.abortConnection()

    assert found == [Cancelled]
    assert wire.value() == b""


def test_there_are_few_connections(bench):
    """One more is closed at once, and there is room again when one is gone."""
    wires = [bench.connect() for _ in range(CONNECTIONS)]
    assert bench.site.buildProtocol(None) is None

    wires[0].abortConnection()

    assert bench.get(GET).end == "closed"


def test_a_slow_request_is_not_waited_for(bench):
    """Half a request keeps its place for a while only."""
    wire = bench.get(b"GET /metrics HT")

    bench.clock.advance(PATIENCE)

    assert wire.end
    assert bench.asked == 0


def test_a_connection_does_not_last(bench):
    """Neither where its client does not take the answer, nor where there is none."""
    bench.outcome = Deferred()
    wire = bench.get(GET)

    bench.clock.advance(LIFE)

    assert wire.end == "aborted"
