"""Whatever comes in place of a handshake, nothing of it reaches the protocol behind, and nothing fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from runjd.access.papers import Papers, Showing
from runjd.access.porter.departures import Departures
from runjd.access.porter.passage import Inside, Visitor, behind_tls
from runjd.access.porter.word import parse_word
from tests.access.papers import authority, tls_of

#: the beginning of a record of TLS: handshake, version, length
_RECORD = b"\x16\x03\x01"


class Wire(StringTransport):
    """A transport that is closed at once."""

    is_closed = False

    def loseConnection(self) -> None:
        self.is_closed = True

    def abortConnection(self) -> None:
        self.is_closed = True


@pytest.fixture(scope="module")
def showing(tmp_path_factory: pytest.TempPathFactory) -> Showing:
    """Return what shows a certificate."""
    tls = tls_of(authority(tmp_path_factory.mktemp("tls") / "tls"))
    return Showing(Papers(*(Path(each).read_bytes() for each in (tls.certificate, tls.key, tls.ca))))


def hello() -> bytes:
    """Return what a client says first."""
    client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(4096)


@given(st.lists(st.binary(max_size=100), max_size=8), st.sampled_from(["raw", "record", "hello"]), st.integers(0, 600))
@example([b"GET / HTTP/1.1\r\n\r\n"], "raw", 0)
@example([b""], "hello", 600)
def test_noise_is_turned_away(showing: Showing, pieces: list[bytes], kind: str, cut: int) -> None:
    """Noise, records of noise, and a true beginning that goes on as noise."""
    clock, left, way = Clock(), [], Wire()
    inside = Inside(clock)
    inside.makeConnection(way)
    factory = behind_tls(Visitor(inside, Departures(clock), lambda: left.append(True)), showing, clock)
    protocol, wire = factory.buildProtocol(None), Wire()
    protocol.makeConnection(wire)
    first = {"raw": b"", "record": _RECORD, "hello": hello()[:cut]}[kind]
    for each in (first, *pieces):
        if each and not wire.is_closed:
            protocol.dataReceived(each)
        clock.advance(0)
    protocol.connectionLost(Failure(ConnectionDone()))

    inside.connectionLost(Failure(ConnectionDone()))

    said, end, rest = way.value().partition(b"\n")
    assert (end, rest) == (b"\n", b"")
    names, reason = parse_word(said)
    assert (names, bool(reason)) == ((), True)
    assert (way.is_closed, left) == (True, [True])
    assert clock.getDelayedCalls() == []
