"""Syslog by datagrams, over real sockets."""

import os
import socket

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from runjd.policy.settings import LogRule
from runjd.protocols.outlets.choose import Outlets


class Bench:
    """An outlet to an address, and what it told."""

    def __init__(self, address: str) -> None:
        self.troubles: list[str] = []
        rule = LogRule(syslog=address)
        [(_, _, self.outlet)] = Outlets(reactor, maybeDeferred)("web", rule, self._refused)
        self.done = 0

    def write(self, *records: bytes) -> None:
        """Send."""
        self.outlet.write(list(records), self._count)

    def _count(self, _: int) -> None:
        self.done += 1

    def _refused(self, name: str, error: OSError | None) -> None:
        self.troubles.append("fine" if error is None else error.strerror)


async def until(is_so) -> None:
    """Wait for something."""
    for _ in range(1000):
        if is_so():
            return
        await deferLater(reactor, 0.005)
    raise AssertionError("it does not come")


def receiver(path: str) -> socket.socket:
    """Return what /dev/log is."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(path)
    made.setblocking(False)
    return made


def received(connection: socket.socket) -> list[bytes]:
    """Return all that came."""
    found = []
    while True:
        try:
            found.append(connection.recv(9000))
        except BlockingIOError:
            return found


@pytest_twisted.ensureDeferred
async def test_each_record_is_a_datagram(private_dir):
    """In their order."""
    log = receiver(f"{private_dir}/log")
    bench = Bench(f"unix:{private_dir}/log")

    bench.write(b"1", b"2")
    bench.write()
    bench.write(b"3")
    await until(lambda: bench.done == 3)

    assert received(log) == [b"1", b"2", b"3"]
    bench.outlet.close()
    log.close()


@pytest_twisted.ensureDeferred
async def test_a_receiver_that_is_slow_makes_the_jail_wait(private_dir):
    """Nothing is lost, and the reactor goes on meanwhile."""
    log = receiver(f"{private_dir}/log")
    bench = Bench(f"unix:{private_dir}/log")

    for n in range(20):
        bench.write(*(b"%d" % (n * 100 + each) for each in range(100)))
    await deferLater(reactor, 0.05)
    assert bench.done < 20
    found: list[bytes] = []

    def takes() -> bool:
        found.extend(received(log))
        return bench.done == 20

    await until(takes)
    found += received(log)

    assert found == [b"%d" % n for n in range(2000)]
    assert bench.troubles == []
    bench.outlet.close()
    log.close()


@pytest_twisted.ensureDeferred
async def test_a_receiver_that_is_away_is_waited_for(private_dir):
    """syslogd may be started anew: what it did not take comes to the next one."""
    bench = Bench(f"unix:{private_dir}/log")
    bench.write(b"1")
    await until(lambda: bench.troubles)
    assert bench.done == 0

    log = receiver(f"{private_dir}/log")
    await until(lambda: bench.done)
    assert received(log) == [b"1"]
    log.close()
    os.unlink(f"{private_dir}/log")
    log = receiver(f"{private_dir}/log")
    bench.write(b"2")
    await until(lambda: bench.done == 2)

    assert received(log) == [b"2"]
    assert bench.troubles[1] == "fine"
    bench.outlet.close()
    log.close()


@pytest_twisted.ensureDeferred
async def test_a_jail_that_is_forgotten_gives_up(private_dir):
    """Nothing is tried for ever."""
    bench = Bench(f"unix:{private_dir}/log")
    bench.write(b"1")
    await until(lambda: bench.troubles)

    bench.outlet.abandon()
    assert bench.done == 1


@pytest.mark.parametrize("is_there", [True, False])
@pytest_twisted.ensureDeferred
async def test_udp_waits_for_nobody(is_there):
    """Whether anybody hears it or not."""
    log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    log.bind(("127.0.0.1", 0))
    log.setblocking(False)
    port = log.getsockname()[1]
    if not is_there:
        log.close()
    bench = Bench(f"udp:127.0.0.1:{port}")

    for n in range(50):
        bench.write(b"%d" % n)
    await until(lambda: bench.done == 50)

    if is_there:
        assert received(log) == [b"%d" % n for n in range(50)]
        log.close()
    bench.outlet.close()
