"""Who may be the keeper's daemon, and what happens to one that talks nonsense."""

import os
import struct

import pytest

from runjd.keeper import messages
from runjd.keeper.channel import Parcel
from runjd.keeper.wire import MESSAGE_MAX, VERSION, encode
from tests.keeper.running import RunningKeeper


def test_a_second_daemon_is_refused(keeper: RunningKeeper) -> None:
    """Who connects while a daemon is there is told BUSY and sent away; the first one notices nothing."""
    first = keeper.greeted()

    second = keeper.daemon()
    refusal = second.next("failed")

    assert refusal["error"]["code"] == "BUSY"
    assert "req" not in refusal
    assert second.is_closed()
    first.run("web", keeper.bundle("web", "/bin/true"))
    assert first.exit("web")["status"] == 0


def test_a_successor_is_served_at_once(keeper: RunningKeeper) -> None:
    """A daemon that is gone is never in the way of the next one, however quickly that comes."""
    for _ in range(50):
        keeper.greeted().close()

    assert "refused" not in keeper.log()


_GARBAGE = {
    "another protocol": b"GET / HTTP/1.0\r\n\r\n",
    "ones": b"\xff" * 64,
    "too long": struct.pack("<IH", MESSAGE_MAX + 1, 0),
    "too many descriptors": struct.pack("<IH", 2, 251) + b"{}",
    "missing descriptors": struct.pack("<IH", 2, 1) + b"{}",
    "no object": struct.pack("<IH", 2, 0) + b"[]",
    "no UTF-8": struct.pack("<IH", 3, 0) + b"{\xff}",
    "no JSON": struct.pack("<IH", 3, 0) + b"{x}",
    "no number": encode({"m": "run", "req": "one"}),
    "no request": encode({"m": "run"}),
}


@pytest.mark.parametrize("garbage", _GARBAGE.values(), ids=_GARBAGE)
@pytest.mark.parametrize("greets", [True, False])
def test_garbage_ends_the_connection_and_nothing_else(keeper: RunningKeeper, garbage: bytes, greets: bool) -> None:
    """Bytes that are no message close the connection; jails and the next daemon are not concerned."""
    first = keeper.greeted() if greets else keeper.daemon()
    if greets:
        first.run("web", keeper.bundle("web", "/bin/sleep", "1000"))

    first.say_bytes(garbage)

    assert first.is_closed()
    assert [message["jail"] for message in keeper.daemon().greet()] == ["web"] * greets


def test_unknown_messages_and_keys_are_skipped(keeper: RunningKeeper) -> None:
    """A daemon of a newer version is served as far as the keeper understands it."""
    daemon = keeper.daemon()

    daemon.say({**messages.ask_hello("newer"), "version": 99, "shoe": 44})
    assert daemon.next("hello")["version"] == VERSION
    daemon.say({"m": "polish", "req": 9, "what": "shoes"})
    daemon.say({**messages.ask_delete(1, "nothing", True), "gently": True})

    assert daemon.answer(1).message == {"m": "done", "req": 1}


def test_descriptors_that_a_daemon_sends_are_closed(keeper: RunningKeeper) -> None:
    """A daemon has no descriptors to give; what it sends is not kept."""
    daemon = keeper.greeted()
    before = keeper.descriptors()
    message = messages.ask_delete(1, "nothing", True)

    daemon.channel.send(lambda: Parcel(message, (0, 1)))
    daemon.channel.flush()
    daemon.answer(1)

    assert keeper.descriptors() == before


def test_a_daemon_that_reads_nothing_costs_no_memory(keeper: RunningKeeper) -> None:
    """Requests of a daemon that does not read the answers are not read any more; nobody else is concerned."""
    daemon = keeper.greeted()
    request = encode(messages.ask_signal(1, "x" * 30000, "", 15, False))
    os.set_blocking(daemon.channel.fileno(), False)

    sent = 0
    try:
        while sent < 1 << 28:
            sent += os.write(daemon.channel.fileno(), request)
    except BlockingIOError:
        pass
    assert sent < 1 << 28
    daemon.close()

    second = keeper.greeted()
    second.run("web", keeper.bundle("web", "/bin/true"))
    assert second.exit("web")["status"] == 0


def test_the_socket_is_private(keeper: RunningKeeper) -> None:
    """Only the keeper's own user can open the socket and look into the directory."""
    assert os.stat(keeper.path).st_mode & 0o777 == 0o600
    assert os.stat(f"{keeper.directory}/keeper").st_mode & 0o777 == 0o700
