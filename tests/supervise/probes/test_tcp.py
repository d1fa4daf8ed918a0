"""A probe by a connection, and by a page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Client, Connection

from runjd.policy.settings import Probe
from runjd.supervise.probes.answer import Answer
from runjd.supervise.probes.prober import Prober
from runjd.supervise.probes.tcp import ConnectionQuestion, read_status


class Server(Protocol):
    """Notes a request, and says what it is told to say."""

    def connectionMade(self):
        self.factory.connected += 1
        if self.factory.speaks_first:
            self.transport.write(self.factory.says)

    def dataReceived(self, data):
        self.factory.heard += data
        if self.factory.heard.endswith(b"\r\n\r\n"):
            reactor.callLater(self.factory.delay, self.answer)

    def answer(self):
        self.transport.write(self.factory.says)
        if self.factory.closes:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        if not self.factory.lost.called:
            self.factory.lost.callback(None)


class Site:
    """A server on a port of its own."""

    def __init__(self, says=b"", closes=False, speaks_first=False, delay=0.0):
        self.factory = Factory.forProtocol(Server)
        self.factory.connected = 0
        self.factory.heard = b""
        self.factory.says, self.factory.closes, self.factory.speaks_first = says, closes, speaks_first
        self.factory.lost, self.factory.delay = Deferred(), delay
        self._port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.port = self._port.getHost().port

    async def close(self):
        """Listen no more, once the connection is gone."""
        if self.factory.connected:
            await self.factory.lost
        await self._port.stopListening()


async def ask(probe):
    """Return the answer, once the connection is closed, too."""
    answers, over = [], Deferred()
    ConnectionQuestion(reactor, probe).ask(answers.append, lambda: over.callback(None))
    await over
    await all_closed()
    (answer,) = answers
    return answer


@pytest_twisted.ensureDeferred
async def test_a_connection_is_a_yes():
    """Nothing is sent, and the connection is closed."""
    site = Site()
    assert await ask(Probe("tcp", port=site.port)) == Answer(True, "connected")
    await site.close()
    assert site.factory.heard == b""


@pytest_twisted.ensureDeferred
async def test_where_nobody_listens_is_a_no():
    """The reason is the system's."""
    site = Site()
    await site.close()
    answer = await ask(Probe("tcp", port=site.port))
    assert not answer.is_yes
    assert "refused" in answer.text


@pytest.mark.parametrize(("status", "is_yes"), [(200, True), (204, True), (302, True), (404, False), (503, False)])
@pytest_twisted.ensureDeferred
async def test_a_page_is_a_yes_if_its_status_says_so(status, is_yes):
    """200 to 399 is yes; the request names host and path, and asks for the connection's end."""
    site = Site(b"HTTP/1.1 %d Whatever\r\nServer: x\r\n\r\nbody" % status)
    answer = await ask(Probe("http", port=site.port, path="/health?x=1"))
    assert answer == Answer(is_yes, f"HTTP {status}")
    await site.close()
    first, *fields = site.factory.heard.decode().split("\r\n")
    assert first == "GET /health?x=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{site.port}" in fields
    assert "Connection: close" in fields


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (b"220 mail.example ESMTP\r\n", "no reply of HTTP"),
        (b"x" * 5000, "no reply of HTTP"),
        (b"", "the connection was closed before an answer came"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_page_is_a_no(says, text):
    """Another protocol, a flood, and a server that only closes."""
    site = Site(says, closes=True)
    assert await ask(Probe("http", port=site.port)) == Answer(False, text)
    await site.close()


@pytest_twisted.ensureDeferred
async def test_a_question_is_over_with_its_answer():
    """It is not under way until the connection is closed, as long as that may take."""
    site = Site(b"HTTP/1.1 200 OK\r\n\r\n")
    told, over = [], Deferred()

    def is_over():
        told.append("over")
        over.callback(any(isinstance(each, Client) for each in reactor.getReaders()))

    ConnectionQuestion(reactor, Probe("http", port=site.port)).ask(lambda answer: told.append("answered"), is_over)
    is_still_open = await over
    assert (is_still_open, told) == (True, ["answered", "over"])
    await all_closed()
    await site.close()


@pytest_twisted.ensureDeferred
async def test_a_server_slower_than_the_interval_is_asked_again_at_once():
    """Each answer is its own: none is taken for a question that hangs."""
    site = Site(b"HTTP/1.1 200 OK\r\n\r\n", delay=0.03)
    heard, enough = [], Deferred()

    def hear(answer):
        heard.append(answer)
        if len(heard) == 4:
            prober.stop()
            enough.callback(None)

    probe = Probe("http", port=site.port, timeout=10.0)
    prober = Prober(SimpleNamespace(reactor=reactor), "web", {}, probe, 0.01, hear)
    prober.start(0.0)
    await enough
    assert heard == [Answer(True, "HTTP 200")] * 4
    await all_closed()
    await site.close()


@pytest_twisted.ensureDeferred
async def test_an_abandoned_question_is_over_and_has_no_answer():
    """A server that never answers keeps nothing of us."""
    site = Site()
    answers, over = [], []
    question = ConnectionQuestion(reactor, Probe("http", port=site.port))
    question.ask(answers.append, lambda: over.append(True))
    while not site.factory.heard:
        await pause()
    question.abandon()
    assert (answers, over) == ([], [True])
    await site.close()
    assert (answers, over) == ([], [True])


@pytest_twisted.ensureDeferred
async def test_names_are_not_looked_up():
    """A name server that hangs is no matter of the jail; localhost is known without one."""
    answer = await ask(Probe("tcp", host="db.example.org", port=1))
    assert not answer.is_yes
    assert "is no address" in answer.text
    site = Site()
    assert (await ask(Probe("tcp", host="localhost", port=site.port))).is_yes
    await site.close()


async def all_closed() -> None:
    """Wait until no connection is open, on either side."""
    while any(isinstance(each, Connection) for each in reactor.getReaders()):  # type: ignore[attr-defined]
        await pause()


def pause() -> Deferred[None]:
    """Let the reactor turn."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(0.001, turned.callback, None)  # type: ignore[attr-defined]
    return turned


@given(st.binary())
def test_any_line_has_a_status_or_none(line: bytes) -> None:
    """No reply of a hostile server raises anything, and a status is one of three digits."""
    status = read_status(line)
    assert status is None or 0 <= status <= 999


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"HTTP/1.0 200", 200), (b"HTTP/1.1 404 Not Found\r", 404), (b"HTTP/1.1 2000", None), (b"HTTP/2 200", None)],
)
def test_the_status_of_a_reply(line, status):
    """The version and three digits; the reason may be absent."""
    assert read_status(line) == status
