"""Clients that come by TLS, judged by openssl(1), on real sockets."""

import shutil
import subprocess

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import DeferredList
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from runjd.access.lobby import PATIENCE, PLACES, PLACES_OF_ADDRESS, TOLD, Lobby
from tests.access.papers import authority, client, expired_client

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_who_shows_a_certificate_is_whom_it_names(listener, version):
    """By 1.2 and by 1.3; the greeting tells the role that the rules give, and nobody was turned away."""
    said, _ = await listener.openssl("-quiet", version, papers=client(listener.directory, "alice"))

    greeting, who, bye = said.splitlines()
    assert greeting.startswith("! 0 ev=hello proto=1 ")
    assert " role=operator " in greeting
    assert who == "+ cert=alice from=127.0.0.1 role=operator"
    assert bye == "+"
    assert listener.refused == []


@pytest_twisted.ensureDeferred
async def test_whom_no_rule_names_is_denied(listener):
    """The certificate is good, and allows nothing: the daemon says so, in its own protocol."""
    said, _ = await listener.openssl("-quiet", papers=client(listener.directory, "mallory"))

    assert said.startswith("-? DENIED ")
    assert "cert:mallory" in said


def _none(listener, tmp_path):
    return None


def _stranger(listener, tmp_path):
    return client(authority(tmp_path / "other"), "alice")


def _expired(listener, tmp_path):
    return expired_client(listener.directory, "alice")


def _server(listener, tmp_path):
    return f"{listener.directory}/server.crt", f"{listener.directory}/server.key"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("make", "alert", "reason"),
    [
        (_none, "certificate required|handshake failure", "it showed no certificate"),
        (_stranger, "unknown ca|decrypt error", "is of another authority|was not signed by whom it names"),
        (_expired, "certificate expired", "its certificate has expired"),
        (_server, "unsupported certificate", "its certificate is not that of a client"),
    ],
)
async def test_who_shows_no_good_certificate_is_turned_away(listener, tmp_path, version, make, alert, reason):
    """The client gets an alert that says what is wrong with it; the log of the daemon says it, too."""
    said, told = await listener.openssl("-quiet", version, papers=make(listener, tmp_path))

    assert said == ""
    assert any(each in told for each in alert.split("|")), told
    ((address, found),) = listener.refused
    assert address == "127.0.0.1"
    assert any(each in found for each in reason.split("|")), found


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_shows_no_good_certificate_is_not_spoken_to(listener, tmp_path):
    """The client's part; the daemon's log has the alert that it sent."""
    papers = client(listener.directory, "alice")
    said, told = await listener.openssl("-quiet", papers=papers, ca=authority(tmp_path / "other"))

    assert said == ""
    assert "certificate verify failed" in told
    ((_, reason),) = listener.refused
    assert "unknown ca" in reason or "decrypt error" in reason or "ended before its handshake" in reason


@pytest_twisted.ensureDeferred
async def test_old_versions_are_refused(listener):
    """Before 1.2, whatever the client's library would do."""
    papers = client(listener.directory, "alice")
    said, _ = await listener.openssl("-quiet", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0", papers=papers)

    assert said == ""
    assert listener.refused in ([("127.0.0.1", "it speaks no TLS of 1.2 or newer")], [])


@pytest_twisted.ensureDeferred
async def test_nothing_is_negotiated_again(listener):
    """A client of 1.2 that asks for it is refused, and costs nothing more."""
    papers = client(listener.directory, "alice")
    await listener.openssl(papers=papers)  # the porter is there from now on
    said, told = await listener.openssl("-tls1_2", papers=papers, send="R\nwhoami\n", hold=1.0)

    assert "RENEGOTIATING" in told + said
    assert "no renegotiation" in told
    assert "+ cert=alice" not in said


@pytest_twisted.ensureDeferred
async def test_what_speaks_something_else_is_turned_away(listener):
    """HTTP, noise, and who hangs up at once: each with its reason."""
    for first in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64, b"status\n" * 10):
        connection = listener.connect()
        connection.sendall(first)
        connection.settimeout(10)
        assert b"ev=hello" not in await deferToThread(connection.recv, 4096)
    listener.connect().close()
    for _ in range(400):
        if len(listener.refused) == 4:
            break
        await deferLater(reactor, 0.01)

    reasons = [reason for _, reason in listener.refused]
    assert "it speaks HTTP" in reasons
    assert "what it speaks is no TLS" in reasons
    assert "the connection ended before its handshake did" in reasons


@pytest_twisted.ensureDeferred
async def test_those_who_say_nothing_leave_room_for_others(listener):
    """As many as an address may have wait, one more is closed at once; when one is gone, alice comes in."""
    waiting = [listener.connect() for _ in range(PLACES_OF_ADDRESS)]
    await deferLater(reactor, 0.1)
    more = listener.connect()
    more.settimeout(10)
    with pytest.raises(ConnectionResetError):
        await deferToThread(more.recv, 1)
    assert listener.refused == [("127.0.0.1", f"{PLACES_OF_ADDRESS} handshakes are under way, which are enough")]

    waiting[0].close()
    await deferLater(reactor, 0.1)
    said, _ = await listener.openssl("-quiet", papers=client(listener.directory, "alice"))

    assert "ev=hello" in said


@pytest_twisted.ensureDeferred
async def test_other_certificates_hold_from_the_next_connection_on(listener, tmp_path):
    """Without a restart: the old authority's clients are refused, and whoever is there stays."""
    old = client(listener.directory, "alice")
    other = authority(tmp_path / "other")
    command = ["openssl", "s_client", "-quiet", "-connect", "{}:{}".format(*listener.address)]
    with subprocess.Popen(
        [*command, "-cert", old[0], "-key", old[1]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as staying:
        assert "ev=hello" in await deferToThread(staying.stdout.readline)
        listener.reload(other)

        refused, _ = await listener.openssl("-quiet", papers=old, ca=other, members=1)
        taken, _ = await listener.openssl("-quiet", papers=client(other, "alice"), ca=other, members=1)
        rest, _ = await deferToThread(staying.communicate, "whoami\nquit\n")

    assert refused == ""
    assert "ev=hello" in taken
    assert rest.splitlines()[-1] == "+"


@pytest_twisted.ensureDeferred
async def test_many_come_at_once(listener):
    """Each is greeted; so no session of one is resumed by another."""
    papers = client(listener.directory, "alice")
    outcomes = await DeferredList([deferToThread(_greeted, listener.address, papers) for _ in range(6)])

    assert all(is_good and greeted for is_good, greeted in outcomes)


def _greeted(address, papers):
    command = [
        "openssl",
        "s_client",
        "-quiet",
        "-connect",
        "{}:{}".format(*address),
        "-cert",
        papers[0],
        "-key",
        papers[1],
    ]
    done = subprocess.run(command, input=b"quit\n", capture_output=True, timeout=20, check=False)
    return b"ev=hello" in done.stdout


class Hallway:
    """A lobby without TLS, on a clock; what would be the handshake is what a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.refused: list[tuple[str, str]] = []
        self.lobby = Lobby(self, self.clock, lambda *words: self.refused.append(words))

    def buildProtocol(self, addr):
        """Nobody comes so far."""

    def come(self, host: str):
        """Return a guest, and his transport; None: there is no place."""
        address = type("Address", (), {"host": host})()
        guest, transport = self.lobby.buildProtocol(address), Transport()
        if guest is None:
            return None
        transport.guest = guest
        guest.makeConnection(transport)
        return guest, transport


class Handle:
    """A connection of OpenSSL of which nothing is known."""


class Transport(StringTransport):
    """A transport that is closed when that is asked for."""

    guest = None
    is_aborted = False

    def getHandle(self):
        return Handle()

    def abortConnection(self):
        self.is_aborted = True
        self.guest.connectionLost(Failure(ConnectionAbortedError("aborted")))


def test_a_handshake_that_takes_too_long_is_ended():
    """It is told as such, and its place is free again."""
    hallway = Hallway()
    _, transport = hallway.come("192.0.2.1")

    hallway.clock.advance(PATIENCE - 0.1)
    assert not transport.is_aborted
    hallway.clock.advance(0.1)

    assert transport.is_aborted
    assert hallway.refused == [("192.0.2.1", "the handshake took longer than 10 s")]
    assert hallway.lobby.waiting == 0
    assert hallway.clock.getDelayedCalls() == []


def test_nobody_takes_all_places():
    """One address has its share; all together have theirs, and that these are taken is told once in a while."""
    hallway = Hallway()
    for number in range(PLACES // PLACES_OF_ADDRESS):
        for _ in range(PLACES_OF_ADDRESS):
            assert not hallway.come(f"192.0.2.{number}")[1].is_aborted
    for _ in range(5):
        assert hallway.come("198.51.100.1") is None
    assert hallway.lobby.waiting == PLACES
    assert hallway.refused == [("198.51.100.1", f"{PLACES} handshakes are under way, which are enough")]

    hallway.clock.advance(PATIENCE)
    assert hallway.lobby.waiting == 0
    hallway.refused.clear()
    hallway.clock.advance(TOLD)
    assert not hallway.come("198.51.100.1")[1].is_aborted
    hallway.clock.advance(PATIENCE)
