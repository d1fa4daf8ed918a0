"""Tests for :mod:`runjd.protocols.control.streams` on a connection without a socket."""

from __future__ import annotations

import pytest

from runjd.errors import LimitReached
from runjd.policy.facts import ExitRecord
from runjd.protocols.control.streams import exit_fields
from tests.protocols.control.offline import FULL, Offline


@pytest.fixture
def offline():
    """Return a connection without a socket."""
    made = Offline()
    yield made
    made.lose()


def test_nothing_of_a_stream_comes_before_the_reply(offline):
    """While a client has not read what was said before, a little output waits, and the reply comes first."""
    offline.socket.producer.pauseProducing()
    offline.send("attach web mode=frame")
    offline.jails.output("web", b"early")
    assert offline.socket.value() == b""

    assert offline.socket.read() == b""
    reply = "+ jail=web pid=2210 mode=frame tty=no session=1 input=yes\n"
    assert offline.socket.read_all().decode() == f"{reply}O 5\nearly"


def test_before_the_reply_little_is_held(offline):
    """What is too much is left out, and told."""
    offline.socket.producer.pauseProducing()
    offline.send("attach web mode=frame")
    for _ in range(100):
        offline.jails.output("web", b"x" * 10_000)

    assert offline.socket.read() == b""
    shown = offline.socket.read_all()

    assert shown.count(b"x") == 70_000
    assert shown.endswith(b"G 11\nlost=930000")


def test_an_attach_that_is_not_read_loses_output(offline):
    """The jail goes on at full speed, memory is bounded, and the gap is told."""
    offline.say("attach web mode=frame")
    for _ in range(100):
        offline.jails.output("web", b"x" * 10_000)

    assert offline.socket.unread < FULL + 20_000
    shown = offline.socket.read()
    assert offline.socket.read().startswith(b"G ")
    assert shown.count(b"x") % 10_000 == 0


def test_a_run_that_is_not_read_loses_nothing(offline):
    """Who runs a job sees all of it, at his own speed."""
    offline.say("run job /job stdin=yes mode=raw")
    for _ in range(100):
        offline.jails.output("job", b"x" * 10_000)

    assert offline.socket.unread < FULL + 20_000
    assert len(offline.socket.read_all()) == 1_000_000


def test_a_client_that_goes_while_its_jail_starts(offline):
    """The start goes on, and the jail is not stopped by it."""
    offline.jails.start_delay = 1.0
    offline.send("run job /job mode=frame")
    assert offline.lines() == []
    offline.protocol.connectionLost(None)

    offline.clock.advance(1)

    assert offline.jails.facts("job").pid
    offline.jails.output("job", b"to nobody")
    assert offline.lines() == []
    offline.protocol.connected = 0


def test_a_wait_before_an_attach_ends_with_the_client(offline):
    """What a client that is gone waited for is forgotten, also with an attach behind it."""
    offline.send("wait web\nattach web")
    offline.protocol.connectionLost(None)

    assert offline.jails._waiting == []
    offline.protocol.connected = 0


def test_an_attach_waits_for_its_turn(offline):
    """Behind an untagged request in flight nothing is read until both are answered."""
    offline.send("wait web until=stopped timeout=5\nattach web mode=frame\nI 2\n")
    assert offline.lines() == []

    offline.clock.advance(5)

    assert [line.split()[0] for line in offline.lines()] == ["-", "+"]
    offline.send(b"hi")


def test_input_that_cannot_wait_hangs_up(offline):
    """If other viewers filled what may wait for the process, this one is let go."""
    offline.say("attach web")

    def write(data: bytes) -> None:
        raise LimitReached("the process does not read")

    offline.protocol._stream._session._target.write = write
    offline.send(b"more")

    assert offline.socket.disconnecting
    assert offline.jails.facts("web").pid


def test_a_half_close_within_a_frame_hangs_up(offline):
    """Half a frame at the end cannot be meant."""
    offline.say("attach web mode=frame")
    offline.send(b"I 10\nabc")
    offline.protocol.readConnectionLost()

    assert offline.socket.disconnecting
    assert offline.jails.typed("web") == b""


def test_the_daemon_lets_go(offline):
    """Without an exit the last frame is empty; the connection closes."""
    offline.say("attach web mode=frame")
    offline.protocol._stream.ended(None)

    assert offline.socket.value() == b"X 0\n"
    assert offline.socket.disconnecting


def test_large_output_takes_several_frames(offline):
    """No frame has more than 65536 bytes."""
    offline.say("attach web mode=frame")
    offline.jails.output("web", b"x" * 70_000)

    assert offline.socket.read().startswith(b"O 65536\n")


@pytest.mark.parametrize(
    ("exit", "fields"),
    [
        (ExitRecord(1, 0, None, 0.0), [("exit", "0")]),
        (ExitRecord(1, None, 11, 0.0, core=True), [("signal", "11"), ("core", "yes")]),
        (ExitRecord(1, None, None, 0.0), [("exit", "unknown")]),
    ],
)
def test_how_a_process_ended(exit, fields):
    """An exit that nobody saw is neither 0 nor 255."""
    assert exit_fields(exit) == fields
