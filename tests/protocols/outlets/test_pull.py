"""Outlets to syslog over TCP and to programs."""

import os

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from runjd.policy.settings import LogRule
from runjd.protocols.outlets.choose import Outlets
from tests.leftovers import own_children
from tests.protocols.outlets.test_datagram import until


class Bench:
    """An outlet by a rule, and what it told."""

    def __init__(self, **rule) -> None:
        self.troubles: list[str] = []
        [(_, _, self.outlet)] = Outlets(reactor, maybeDeferred)("web", LogRule(**rule), self._refused)
        self.done = 0

    def write(self, *records: bytes) -> None:
        """Send."""
        self.outlet.write(list(records), self._count)

    def _count(self, _: int) -> None:
        self.done += 1

    def _refused(self, name: str, error: OSError | None) -> None:
        self.troubles.append("fine" if error is None else str(error.strerror))


class Server(Protocol):
    """Takes what comes, unless it is told to read nothing."""

    def connectionMade(self) -> None:
        self.factory.connections.append(self)
        if self.factory.is_deaf:
            self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        self.factory.received += data

    def connectionLost(self, reason) -> None:
        self.factory.connections.remove(self)


async def serve(port: int = 0, is_deaf: bool = False):
    """Return a server's factory and its port."""
    factory = Factory.forProtocol(Server)
    factory.connections, factory.received, factory.is_deaf = [], bytearray(), is_deaf
    listening = await TCP4ServerEndpoint(reactor, port, interface="127.0.0.1").listen(factory)
    return factory, listening


@pytest_twisted.ensureDeferred
async def test_records_go_to_a_server_in_their_order():
    """Each chunk counts as written once the kernel has all of it."""
    factory, listening = await serve()
    bench = Bench(syslog=f"tcp:127.0.0.1:{listening.getHost().port}")

    for n in range(100):
        bench.write(b"%d " % n, b"x ")
    await until(lambda: bench.done == 100 and factory.received.count(b"x") == 100)

    assert factory.received == b"".join(b"%d x " % n for n in range(100))
    bench.outlet.close()
    await until(lambda: not factory.connections)
    await listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_server_that_does_not_read_makes_the_jail_wait():
    """Two chunks of a megabyte do not pile up here, and all come when it reads."""
    factory, listening = await serve(is_deaf=True)
    bench = Bench(syslog=f"tcp:127.0.0.1:{listening.getHost().port}")
    for _ in range(40):
        bench.write(b"x" * 1_000_000)
    await until(lambda: factory.connections and bench.done)
    before = -1
    while before != bench.done:
        before = bench.done
        await until(lambda: True)
    assert bench.done < 40

    factory.connections[0].transport.resumeProducing()
    await until(lambda: len(factory.received) == 40_000_000)

    await until(lambda: bench.done == 40)
    bench.outlet.close()
    await until(lambda: not factory.connections)
    await listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_away_is_waited_for():
    """What it did not take comes to the next one, and the trouble is told once."""
    factory, listening = await serve()
    port = listening.getHost().port
    await listening.stopListening()
    bench = Bench(syslog=f"tcp:127.0.0.1:{port}")
    bench.write(b"1 ")
    await until(lambda: bench.troubles)

    factory, listening = await serve(port)
    await until(lambda: bench.done)

    assert factory.received == b"1 "
    assert bench.troubles[1:] == ["fine"]
    bench.outlet.close()
    await until(lambda: not factory.connections)
    await listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_program_gets_the_log_on_its_standard_input(private_dir):
    """It is started when there is something, told whose log it is, and ends when the log is closed."""
    script = f'cat > {private_dir}/out; echo "$RUNJD_JAIL" > {private_dir}/over'
    before = own_children()
    bench = Bench(program=("/bin/sh", "-c", script))

    for n in range(100):
        bench.write(b"%d\n" % n)
    bench.outlet.close()
    await until(lambda: os.path.exists(f"{private_dir}/over") and os.path.getsize(f"{private_dir}/over"))

    with open(f"{private_dir}/out", "rb") as out:
        assert out.read() == b"".join(b"%d\n" % n for n in range(100))
    with open(f"{private_dir}/over", encoding="utf-8") as over:
        assert over.read() == "web\n"
    assert bench.done == 100
    await until(lambda: not own_children() - before)


@pytest_twisted.ensureDeferred
async def test_a_program_that_ends_is_started_again(private_dir):
    """Later each time; the jail waits meanwhile."""
    script = f"echo >> {private_dir}/starts; test $(wc -l < {private_dir}/starts) -gt 2 && cat > {private_dir}/out"
    before = own_children()
    bench = Bench(program=("/bin/sh", "-c", script))

    bench.write(b"x" * 1_000_000)
    await until(lambda: bench.done)

    bench.outlet.close()
    await until(lambda: not own_children() - before)
    assert os.path.getsize(f"{private_dir}/out") == 1_000_000
    with open(f"{private_dir}/starts", encoding="utf-8") as starts:
        assert len(starts.readlines()) == 3
    assert bench.troubles[-1] == "fine"


@pytest_twisted.ensureDeferred
async def test_a_program_that_is_not_there_is_told():
    """And tried again, until the jail is forgotten."""
    bench = Bench(program=("/nowhere/logger",))

    bench.write(b"x\n")
    await until(lambda: bench.troubles)

    assert bench.done == 0
    bench.outlet.abandon()
    assert bench.done == 1


@pytest_twisted.ensureDeferred
async def test_a_program_that_fails_at_once_is_told_and_not_started_without_end(private_dir):
    """What its pipe took is lost with it, which nobody could know; the next chunk waits for the next start."""
    before = own_children()
    bench = Bench(program=("/bin/sh", "-c", f"echo >> {private_dir}/starts; exit 7"))

    for n in range(5):
        bench.write(b"%d\n" % n)
    await until(lambda: bench.troubles and "7" in bench.troubles[0])
    await until(lambda: bench.done == 5)

    bench.outlet.close()
    await until(lambda: not own_children() - before)
    with open(f"{private_dir}/starts", encoding="utf-8") as starts:
        assert len(starts.readlines()) <= 5
