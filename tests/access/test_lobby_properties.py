"""Whatever comes in place of a handshake, nothing of it reaches the protocol behind, and nothing fails."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from runjd.access.credentials import Credentials
from runjd.access.lobby import behind_tls
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


class Inner:
    """What nobody should reach."""

    def doStart(self) -> None:
        """The listener begins."""

    def doStop(self) -> None:
        """It ends."""

    def buildProtocol(self, addr: object) -> None:
        raise AssertionError("somebody came in without a certificate")


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """Return credentials."""
    made = Credentials()
    made.prepare(tls_of(authority(tmp_path_factory.mktemp("tls") / "tls")), "x")
    made.take()
    return made


def hello(credentials: Credentials) -> bytes:
    """Return what a client says first."""
    client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(4096)


@given(st.lists(st.binary(max_size=100), max_size=8), st.sampled_from(["raw", "record", "hello"]), st.integers(0, 600))
@example([b"GET / HTTP/1.1\r\n\r\n"], "raw", 0)
@example([b""], "hello", 600)
def test_noise_is_turned_away(credentials: Credentials, pieces: list[bytes], kind: str, cut: int) -> None:
    """Noise, records of noise, and a true beginning that goes on as noise."""
    clock, refused = Clock(), []
    factory = behind_tls(Inner(), credentials, clock, lambda *words: refused.append(words))
    protocol, wire = factory.buildProtocol(None), Wire()
    protocol.makeConnection(wire)
    first = {"raw": b"", "record": _RECORD, "hello": hello(credentials)[:cut]}[kind]
    for each in (first, *pieces):
        if each and not wire.is_closed:
            protocol.dataReceived(each)
        clock.advance(0)
    protocol.connectionLost(Failure(ConnectionDone()))

    assert len(refused) == 1
    assert all(refused[0][1:])
    assert clock.getDelayedCalls() == []
