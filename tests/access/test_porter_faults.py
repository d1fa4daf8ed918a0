"""What strangers, a full table of descriptors, and a porter that was taken over do to the daemon and to others."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import ssl
import time

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from runjd.access.arrivals import Arrivals
from runjd.access.lobby import Lobby
from runjd.access.porter.departures import PATIENCE, PLACES, Departures
from runjd.access.porterprocess import PorterProcess
from runjd.access.porters import Porters, Rights, porter_rights
from tests.access.listening import Listener
from tests.access.papers import authority, client
from tests.access.test_porter import Client, until

linux = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="looks into proc(5) of Linux")
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


class Leaving:
    """A connection."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def abortConnection(self) -> None:
        self.said.append("abort")


def test_who_says_no_goodbye_is_cut_off():
    """He has a while, in which the rest is sent."""
    clock = Clock()
    departures = Departures(clock)
    polite, rude = Leaving(), Leaving()
    departures.begin(polite)
    departures.begin(rude)
    departures.end(polite)

    clock.advance(PATIENCE - 1)
    departures.begin(rude)
    assert rude.said == []
    clock.advance(1)
    assert (polite.said, rude.said) == ([], ["abort"])
    assert not clock.getDelayedCalls()


def test_those_who_say_no_goodbye_are_few():
    """The first of more than that is cut off at once."""
    clock = Clock()
    departures = Departures(clock)
    all_of_them = [Leaving() for _ in range(PLACES + 1)]
    for each in all_of_them:
        departures.begin(each)

    assert [each.said for each in all_of_them[:2]] == [["abort"], []]
    assert len(clock.getDelayedCalls()) == PLACES


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

    def write(self, data: bytes) -> None:
        """Take it."""

    def closeStdin(self) -> None:
        """Take it."""

    def closeStdout(self) -> None:
        self.closed.append("stdout")

    def closeStderr(self) -> None:
        self.closed.append("stderr")


def test_what_a_porter_says_is_bounded():
    """One that was taken over fills no log, and writes no lines of its own into it."""
    ends = []
    porter = PorterProcess(lambda _, reason: ends.append(reason), "{}")
    pipes = Pipes()
    with logged() as events:
        porter.makeConnection(pipes)
        porter.outReceived(b"rea")
        porter.outReceived(b"dy\nnamespaces: no\x1b[31m\r")
        porter.outReceived(b"\n")
        for _ in range(1000):
            porter.outReceived(b"\n" * 1000)
            porter.errReceived(b"x\n" * 1000)
        porter.errReceived(b"Error: so\x1b[0m\n")
        porter.processEnded(Failure(ProcessDone(0)))

    said = [each["log_format"].format(**each) for each in events]
    assert said[0] == "process 7 speaks TLS"
    assert said[1] == "the process that speaks TLS keeps a right: namespaces: no?[31m?"
    assert len(said) == 2
    assert set(pipes.closed) == {"stdout", "stderr"}
    assert ends[0].endswith("Error: so?[0m")


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
    os.kill(pid, 19)
    before = time.monotonic()
    for act in mine.triggers:
        act()

    assert time.monotonic() - before < 5
    assert not os.path.exists(f"/proc/{pid}")
    porters.stop()


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
