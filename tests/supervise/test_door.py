"""Doors beside the control socket, with real ports, on a clock."""

from __future__ import annotations

import os
import socket

import pytest
import pytest_twisted
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from runjd.config.endpoints import Endpoint
from runjd.errors import InputOutput
from runjd.supervise.door import AGAIN, Doors, SideDoor


class Reactor(Clock):
    """The real one, but for the time."""

    listenTCP = real_reactor.listenTCP

    def __getattr__(self, name):
        return getattr(real_reactor, name)


@pytest.fixture
def clock():
    """Return a reactor on which nothing is left to be done later."""
    made = Reactor()
    yield made
    assert made.getDelayedCalls() == []


def connects(address) -> bool:
    """Whether somebody listens."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as made:
        return made.connect_ex(address) == 0


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken_is_tried_again(clock):
    """Until it is free; nobody is kept waiting by it, and what is closed is tried no more."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = other.getsockname()
        door = SideDoor("metrics", Endpoint(port=address[1]), Factory.forProtocol(Protocol), clock)
        door.open()
        assert door.port is None
    clock.advance(AGAIN)
    assert connects(address)

    await maybeDeferred(door.close, "the test is over")
    assert not connects(address)

    with socket.socket() as other:
        other.bind(address)
        other.listen()
        door.open()
        assert len(clock.getDelayedCalls()) == 1
        assert door.close("the test is over") is None


@pytest_twisted.ensureDeferred
async def test_what_is_not_ready_is_not_opened(clock, private_dir):
    """The check decides, each time."""
    faults = [InputOutput("no certificate"), InputOutput("no certificate")]

    def check() -> None:
        if faults:
            raise faults.pop()

    path = f"{private_dir}/side"
    door = SideDoor("TLS", Endpoint(path=path, mode=0o640), Factory.forProtocol(Protocol), clock, check)
    door.open()
    clock.advance(AGAIN)
    assert not os.path.exists(path)
    clock.advance(AGAIN)
    assert connects(path)

    closed = maybeDeferred(door.close, "the test is over")
    clock.advance(0)
    await closed


@pytest_twisted.ensureDeferred
async def test_all_doors_are_opened_and_closed(clock, private_dir):
    """The first one's error is everybody's, a side door's is not."""
    good = [SideDoor(name, Endpoint(path=f"{private_dir}/{name}"), Factory(), clock) for name in ("a", "b")]
    doors = Doors([good[0], SideDoor("c", Endpoint(path="/nonexistent/c"), Factory(), clock), good[1]])

    doors.open()
    assert [each.port is not None for each in good] == [True, True]
    closed = doors.close("the test is over")
    clock.advance(0)
    await closed

    assert [each.port for each in good] == [None, None]
