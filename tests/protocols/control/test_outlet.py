"""When what goes out on a connection is handed to the kernel."""

import pytest
from twisted.internet.interfaces import IWriteDescriptor
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from runjd.protocols.control.outlet import Outlet, Unit


@implementer(IWriteDescriptor)
class _Descriptor(StringTransport):
    """A transport that sends what it was given when the reactor, or somebody else, lets it."""

    disconnecting = False

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def doWrite(self) -> None:
        self.sent.append(self.value())
        self.clear()


def _never() -> None:
    raise AssertionError("nobody was given up")


@pytest.fixture
def clock() -> Clock:
    """Return a clock of which some time has passed."""
    clock = Clock()
    clock.advance(1000.0)
    return clock


@pytest.fixture
def transport() -> _Descriptor:
    """Return a descriptor that a reactor could have."""
    return _Descriptor()


@pytest.fixture
def outlet(transport: _Descriptor, clock: Clock) -> Outlet:
    """Return the way out to the descriptor, on which nothing was written for a second."""
    made = Outlet(transport, clock, _never)
    clock.advance(1.0)
    return made


def test_an_event_that_comes_alone_is_sent_at_once(outlet: Outlet, transport: _Descriptor, clock: Clock) -> None:
    """Who waits for it does not wait for what the daemon does next."""
    outlet.announce(1, b"! 1\n")

    assert transport.sent == [b"! 1\n"]
    clock.advance(0.5)
    outlet.announce(2, b"! 2\n")
    assert transport.sent == [b"! 1\n", b"! 2\n"]


def test_events_that_come_together_are_one_piece(outlet: Outlet, transport: _Descriptor) -> None:
    """Those behind the first wait for the reactor's next turn: each system call costs more than a line."""
    for number in range(4):
        outlet.announce(number, b"! %d\n" % number)

    assert transport.sent == [b"! 0\n"]
    assert transport.value() == b"! 1\n! 2\n! 3\n"


def test_an_answer_waits_for_the_turn(outlet: Outlet, transport: _Descriptor) -> None:
    """What is still done for it in this turn is done before it is told."""
    outlet.put(Unit(iter([b"  line\n"]), None, lambda problem: b"+\n", lambda: None))

    assert transport.sent == []
    assert transport.value() == b"  line\n+\n"


def test_a_connection_that_is_being_closed_is_left_to_the_reactor(outlet: Outlet, transport: _Descriptor) -> None:
    """It closes it when all is sent, which nobody else may see."""
    transport.disconnecting = True

    outlet.announce(1, b"! 1\n")

    assert transport.sent == []
    assert transport.value() == b"! 1\n"
