"""What strangers, a full table of descriptors, and a porter that was taken over do to the daemon and to others."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import ssl
import time

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from runjd.access.arrivals import Arrivals
from runjd.access.lobby import PLACES_OF_ADDRESS, Lobby
from runjd.access.paperfiles import read_papers
from runjd.access.porter.desk import PLACES
from runjd.access.porterprocess import PorterProcess
from runjd.access.porters import Porters, Rights, porter_rights
from tests.access.listening import Listener
from tests.access.papers import authority, client, tls_of
from tests.access.test_porter import Client, until

linux = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="looks into proc(5) of Linux")
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def _reads_nothing(listener, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a client to whom the daemon said more than he reads, and with whom it is done."""
    outside, client_side = socket.socketpair()
    ours, theirs = socket.socketpair()
    with ours:
        with outside, theirs:
            assert listener.porters.give(outside, theirs)
        made = context.wrap_socket(client_side, server_hostname="localhost")
        assert ours.recv(100).startswith(b"+ ")
        ours.setblocking(False)
        for _ in range(3):
            with contextlib.suppress(BlockingIOError):
                while True:
                    ours.send(bytes(65_536))
            time.sleep(0.01)
    return made


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_who_does_not_read_keeps_no_descriptor_of_the_porter(listener):
    """Once the daemon is done with him; of those there are few, however often he comes."""
    context = ssl.create_default_context(cafile=f"{listener.directory}/ca.crt")
    context.load_cert_chain(*client(listener.directory, "alice"))
    stay = []
    try:
        for _ in range(PLACES + 30):
            stay.append(await deferToThread(_reads_nothing, listener, context))
        fds = f"/proc/{listener.porters.pid}/fd"
        await until(lambda: len(os.listdir(fds)) < 2 * PLACES + 20)
        assert len(os.listdir(fds)) >= 2 * PLACES
    finally:
        for each in stay:
            each.close()


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_a_porter_without_descriptors_takes_others_later(listener):
    """Whom there is no room for is sent away; who comes when others have gone is taken."""
    papers = client(listener.directory, "alice")
    await listener.openssl(papers=papers)
    used = len(os.listdir(f"/proc/{listener.porters.pid}/fd"))
    for more in range(2, 9):
        other = Listener(listener.directory, used + more)
        pid = other.porters.pid
        several = [other.connect() for _ in range(6)]
        await until(lambda other=other: other.refused)
        for each in several:
            each.close()
        other.plain.clear()
        await other.settle()
        if more >= 6:
            again = await deferToThread(Client, other, papers)
            assert b"cert=alice" in await deferToThread(again.ask, b"whoami")
            again.close()
        assert (other.porters.pid, os.path.exists(f"/proc/{pid}")) == (pid, True)
        await other.settle()
        await other.close()


class Desk:
    """In the place of the porters: keeps the way to the daemon."""

    def __init__(self) -> None:
        self.way: socket.socket | None = None

    def give(self, outside: socket.socket, way: socket.socket) -> bool:
        self.way = way.dup()
        return True


def arrivals(porters) -> tuple[Arrivals, Lobby, list[tuple[str, str]]]:
    """Return what connections come to, and the list of those that were turned away."""
    refused: list[tuple[str, str]] = []
    lobby = Lobby(None, reactor, lambda *words: refused.append(words))
    return Arrivals(lobby, porters, lambda: None, reactor), lobby, refused


@contextlib.contextmanager
def logged():
    """Collect what is logged."""
    events = []
    globalLogPublisher.addObserver(events.append)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(events.append)


@pytest_twisted.ensureDeferred
async def test_a_porter_cannot_give_descriptors_to_the_daemon():
    """It is cut off for the connection by which it tries that, without a line for each descriptor."""
    desk = Desk()
    made, lobby, _ = arrivals(desk)
    outside, _other = socket.socketpair()
    with _other, logged() as events:
        made.hand(outside, None)
        before = len(os.listdir("/dev/fd"))
        with contextlib.suppress(PermissionError):
            socket.send_fds(desk.way, [b"- x"], [0] * 50)
            await until(lambda: lobby.waiting == 0)
        assert len(os.listdir("/dev/fd")) <= before
        assert not [each for each in events if "descriptor" in str(each.get("log_text", each.get("log_format")))]
    desk.way.close()
    await until(lambda: lobby.waiting == 0)


@pytest_twisted.ensureDeferred
async def test_where_no_descriptor_is_free_who_comes_is_turned_away():
    """With a reason, and without a traceback."""
    made, lobby, refused = arrivals(Desk())
    outside, other = socket.socketpair()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with other:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            made.hand(outside, None)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert other.recv(1) == b""
    assert refused == [("", "too many open files")]
    assert lobby.waiting == 0


class Pipes:
    """A transport of a process."""

    pid = 7

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def closeStdout(self) -> None:
        self.closed.append("stdout")

    def closeStderr(self) -> None:
        self.closed.append("stderr")


def test_what_a_porter_says_is_bounded():
    """One that was taken over fills no log, and writes no lines of its own into it; nor does it live for ever."""
    ends, clock = [], Clock()
    porter = PorterProcess(clock, lambda _, reason: ends.append(reason), "{}", 1.0)
    pipes = Pipes()
    with logged() as events:
        porter.makeConnection(pipes)
        porter.outReceived(b"namespaces: no\x1b[31m\r\nrea")
        porter.outReceived(b"dy\n")
        for _ in range(1000):
            porter.outReceived(b"alive\n" * 1000)
            porter.errReceived(b"x\n" * 1000)
        porter.errReceived(b"Error: so\x1b[0m\n")
        porter.processEnded(Failure(ProcessDone(0)))

    said = [each["log_format"].format(**each) for each in events]
    assert said[0] == "the process that speaks TLS keeps a right: namespaces: no?[31m?"
    assert said[1] == "process 7 speaks TLS"
    assert len(said) <= 16
    assert set(pipes.closed) == {"stdout", "stderr"}
    assert ends[0].endswith("Error: so?[0m")
    assert clock.getDelayedCalls() == []


def test_a_porter_is_asked_whether_it_is_alive():
    """From when it is ready on; what it answers counts as nothing that it says."""
    clock = Clock()
    porter = PorterProcess(clock, lambda *_: None, "{}", 1.0)
    pipes = Pipes()
    porter.makeConnection(pipes)
    clock.advance(30)
    porter.outReceived(b"ready\n")
    for count in range(1, 2000):
        clock.advance(1)
        assert pipes.written == b"{}\n" + b"?" * count
        porter.outReceived(b"alive\n")
    porter.inConnectionLost()
    clock.advance(1)
    assert pipes.closed == []
    porter.processEnded(Failure(ProcessDone(0)))
    assert clock.getDelayedCalls() == []


def test_a_porter_that_has_ended_is_not_killed():
    """Where its last words are still to be read, it has no number any more, and another process may have that."""
    clock, pipes = Clock(), Pipes()
    porter = PorterProcess(clock, lambda *_: None, "{}", 1.0)
    porter.makeConnection(pipes)
    porter.outReceived(b"ready\n")
    pipes.pid = None
    clock.advance(1)
    with logged() as events:
        clock.pump([1] * 10)

    assert [each["log_level"].name for each in events] == ["error"]
    porter.processEnded(Failure(ProcessDone(0)))
    assert clock.getDelayedCalls() == []


class Reactor:
    """The real one, whose triggers are kept here."""

    def __init__(self) -> None:
        self.triggers: list = []

    def addSystemEventTrigger(self, phase, event, act):
        assert (phase, event) == ("after", "shutdown")
        self.triggers.append(act)
        return act

    def removeSystemEventTrigger(self, act):
        self.triggers.remove(act)

    def __getattr__(self, name):
        return getattr(reactor, name)


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_no_porter_outlasts_the_daemon(listener, tmp_path):
    """Not even one that does not heed its end: no process is left, and no zombie of the daemon's next version."""
    mine = Reactor()
    porters = Porters(mine, porter_rights(str(tmp_path), 64))
    porters.take(listener.credentials.papers)
    pid = porters.pid
    os.kill(pid, signal.SIGSTOP)
    before = time.monotonic()
    for act in mine.triggers:
        act()

    assert time.monotonic() - before < 5
    assert not os.path.exists(f"/proc/{pid}")
    porters.stop()


@linux
@pytest_twisted.ensureDeferred
async def test_where_no_descriptor_is_free_for_a_porter_one_is_started_later(listener, tmp_path):
    """Whatever it was that there was no descriptor for, of which none is kept; the log tells why."""
    mine = Reactor()
    mine.callLater = Clock().callLater
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for more in range(8):
        porters = Porters(mine, porter_rights(str(tmp_path), 64))
        before = set(os.listdir("/dev/fd"))
        with logged() as events:
            resource.setrlimit(resource.RLIMIT_NOFILE, (_lowest_free() + more, hard))
            try:
                porters.take(listener.credentials.papers)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (porters.pid, len(events)) == (0, 1)
        assert "too many open files" in events[0]["log_format"].format(**events[0]).lower()
        assert len(os.listdir("/dev/fd")) == len(before)

        porters.take(listener.credentials.papers)
        assert porters.pid
        for act in mine.triggers:
            act()


def _lowest_free() -> int:
    fd = os.dup(0)
    os.close(fd)
    return fd


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_there_are_few_porters_of_papers_of_before(listener, tmp_path):
    """Who came by the first of them is cut off, however long he would stay; who came by the last is not."""
    others = [authority(tmp_path / str(number)) for number in range(4)]
    pids, clients = [listener.porters.pid], []
    for number, each in enumerate([listener.directory, *others]):
        if number:
            listener.reload(each)
            pids.append(listener.porters.pid)
        listener.directory, before = each, listener.directory
        clients.append(await deferToThread(Client, listener, client(each, "alice")))
        listener.directory = before

    await until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids[:2]))
    assert all(os.path.exists(f"/proc/{pid}") for pid in pids[2:])
    assert await deferToThread(clients[0].file.readline) == b""
    for each in clients[2:]:
        assert b"cert=alice" in await deferToThread(each.ask, b"whoami")
    for each in clients:
        each.close()
    await listener.settle()


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_the_porter_finds_what_the_daemon_finds(listener, tmp_path, monkeypatch):
    """Also modules of a user, or of PYTHONPATH, that isolated programs do not look for."""
    import sys

    monkeypatch.setattr(sys, "path", [str(tmp_path), "relative", "", *sys.path])
    (tmp_path / "array.py").write_text("import sys; sys.stderr.write('array of the user\\n'); sys.exit(5)\n")
    porters = Porters(reactor, Rights(65_534, 65_534, str(tmp_path), 64))
    with logged() as events:
        porters.take(listener.credentials.papers)
        await until(lambda: any("array of the user" in str(each.get("reason")) for each in events))
    porters.stop()


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_a_porter_that_hangs_is_replaced(tmp_path):
    """Who is with him, and who comes meanwhile, is cut off after a while, and can come again; the log tells why."""
    listener = Listener(authority(tmp_path / "tls"), interval=0.5)
    papers = client(listener.directory, "alice")
    first = await deferToThread(Client, listener, papers)
    pid = listener.porters.pid
    with logged() as events:
        os.kill(pid, signal.SIGSTOP)
        late = listener.connect()
        late.settimeout(30)

        assert await deferToThread(first.file.readline) == b""
        assert await deferToThread(late.recv, 1) == b""
        await until(lambda: listener.porters.pid not in (0, pid))
        again = await deferToThread(Client, listener, papers)
        assert b"cert=alice" in await deferToThread(again.ask, b"whoami")
    assert not os.path.exists(f"/proc/{pid}")
    said = [each["log_format"].format(**each) for each in events if each.get("log_format")]
    assert [each for each in said if f", {pid}, has given no sign of life for 2 s, and is killed" in each]
    first.close()
    again.close()
    await listener.close()


@linux
@pytest_twisted.ensureDeferred
async def test_a_porter_that_hangs_while_nobody_gives_to_him_is_killed(tmp_path):
    """As one of papers of before, by whom somebody has come and stays."""
    listener = Listener(authority(tmp_path / "tls"), interval=0.5)
    first = await deferToThread(Client, listener, client(listener.directory, "alice"))
    pid = listener.porters.pid
    listener.reload(authority(tmp_path / "other"))
    os.kill(pid, signal.SIGSTOP)

    assert await deferToThread(first.file.readline) == b""
    await until(lambda: not os.path.exists(f"/proc/{pid}"))
    first.close()
    await listener.close()


@linux
@pytest_twisted.ensureDeferred
async def test_porters_are_not_started_on_and_on(tmp_path):
    """Each later than the one before."""
    starts = []

    class Late(Reactor):
        def callLater(self, delay, act, *arguments):
            if act == porters._start:
                starts.append(delay)
                delay = 0.01
            return reactor.callLater(delay, act, *arguments)

    papers = read_papers(tls_of(authority(tmp_path / "tls")), "runjd.toml")
    porters = Porters(Late(), porter_rights(str(tmp_path), 64), 0.1)
    porters.take(papers)
    seen = set()
    while len(starts) < 3:
        if porters.pid and porters.pid not in seen:
            seen.add(porters.pid)
            os.kill(porters.pid, signal.SIGKILL)
        await deferLater(reactor, 0.01)
    porters.stop()

    assert starts[:3] == [1.0, 2.0, 4.0]


def test_for_whom_there_is_no_place_the_porter_is_not_asked():
    """He would have him for a while longer: one host that comes again and again would take all his descriptors."""
    desk = Desk()
    made, lobby, refused = arrivals(desk)
    for _ in range(PLACES_OF_ADDRESS):
        lobby.enter("192.0.2.1")
    peer = IPv4Address("TCP", "192.0.2.1", 7)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        made.hand(server.accept()[0], peer)
        with pytest.raises(ConnectionResetError):
            client.recv(1)

    assert desk.way is None
    assert refused == [("192.0.2.1", f"{PLACES_OF_ADDRESS} handshakes are under way, which are enough")]
