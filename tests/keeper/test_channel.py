"""Parcels over a real pair of sockets."""

import _socket
import array
import gc
import os
import resource
import sys
from collections.abc import Iterator

import pytest

from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.wire import WireError, encode

Pair = tuple[Channel, Channel]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Return two ends."""
    one, other = (Channel(each) for each in _socket.socketpair())
    yield one, other
    one.close()
    other.close()


def _opened() -> int:
    gc.collect()  # what other tests left to the garbage is not to be closed in between
    return len(os.listdir("/proc/self/fd"))


def _send(channel: Channel, message: dict[str, object], *descriptors: int) -> None:
    channel.send(lambda: Parcel(message, descriptors))
    assert channel.flush()


def _receive(channel: Channel, count: int) -> list[Parcel]:
    parcels: list[Parcel] = []
    while len(parcels) < count:
        parcels += channel.receive()
    return parcels


def test_descriptors_stay_with_their_messages(pair: Pair) -> None:
    """Each message brings its own descriptors, in their order, close-on-exec."""
    one, other = pair
    pipes = [os.pipe() for _ in range(3)]
    for number, (_, writer) in enumerate(pipes):
        os.write(writer, b"%d" % number)

    _send(one, {"n": 1}, pipes[0][0], pipes[1][0])
    _send(one, {"n": 2})
    _send(one, {"n": 3}, pipes[2][0])
    parcels = _receive(other, 3)

    assert [parcel.message["n"] for parcel in parcels] == [1, 2, 3]
    assert [[os.read(fd, 9) for fd in parcel.descriptors] for parcel in parcels] == [[b"0", b"1"], [], [b"2"]]
    assert not any(os.get_inheritable(fd) for parcel in parcels for fd in parcel.descriptors)
    for parcel in parcels:
        parcel.drop()
    for fds in pipes:
        for fd in fds:
            os.close(fd)


def test_parcels_that_are_gone_leave_nothing_in_memory(pair: Pair) -> None:
    """A message with descriptors leaves nothing behind, not even among the tuples that CPython keeps for later."""
    one, other = pair
    descriptors = [os.dup(0) for _ in range(7)]

    def exchange(times: int) -> int:
        for _ in range(times):
            _send(one, {}, *descriptors)
            _receive(other, 1)[0].drop()
        return sys.getallocatedblocks()

    before = exchange(20)

    assert exchange(200) - before < 50
    for each in descriptors:
        os.close(each)


def test_as_many_descriptors_as_a_message_may_bring(pair: Pair) -> None:
    """250 descriptors arrive with one message."""
    one, other = pair

    _send(one, {}, *[0] * 250)
    (parcel,) = _receive(other, 1)

    assert len(parcel.descriptors) == 250
    parcel.drop()


def test_a_full_table_of_descriptors_ends_the_connection(pair: Pair) -> None:
    """Where not all descriptors arrive, it is an error, and those that came are closed."""
    one, other = pair
    before = _opened()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    _send(one, {}, *[0] * 10)

    used = {int(name) for name in os.listdir("/proc/self/fd")}
    free = [number for number in range(max(used) + 9) if number not in used]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[4], hard))
    try:
        with pytest.raises(WireError, match="too many are open"):
            other.receive()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    other.close()

    assert _opened() == before - 1


@pytest.mark.parametrize(("announced", "brought"), [(2, 1), (0, 1), (1, 2)])
def test_descriptors_and_their_number_must_agree(pair: Pair, announced: int, brought: int) -> None:
    """A message that brings another number of descriptors than it says ends the connection, and leaks none."""
    one, other = pair
    before = _opened()
    socket = _socket.socket(fileno=os.dup(one.fileno()))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [0] * brought))

    socket.sendmsg([encode({}, announced)], [rights])
    with pytest.raises(WireError, match="descriptors"):
        other.receive()
    socket.close()
    other.close()

    assert _opened() == before - 1


def test_a_slow_peer_gets_everything_in_order(pair: Pair) -> None:
    """What the socket does not take waits, and a descriptor is looked up when its turn comes, not before."""
    one, other = pair
    reader, writer = os.pipe()
    here = {"fd": -1}
    for number in range(100):
        one.send(lambda number=number: Parcel({"n": number, "padding": "x" * 10_000}))
    one.send(lambda: Parcel({"n": 100}, (here["fd"],)))
    one.send(lambda: None)
    assert not one.flush()
    assert one.queued > 2

    here["fd"] = reader
    got: list[Parcel] = []
    while len(got) < 101:
        got += other.receive()
        one.flush()

    assert [parcel.message["n"] for parcel in got] == list(range(101))
    assert one.queued == 0
    os.write(writer, b"it")
    assert os.read(got[-1].descriptors[0], 2) == b"it"
    for fd in (reader, writer, *got[-1].descriptors):
        os.close(fd)


def test_the_end_is_told_once_everything_was_read(pair: Pair) -> None:
    """What a peer sent before it died is received, then its end; half a message is nothing."""
    one, other = pair
    _send(one, {"n": 1})
    os.write(one.fileno(), encode({"n": 2})[:-1])
    one.close()

    assert other.is_hung_up()
    assert other.receive() == [Parcel({"n": 1})]
    with pytest.raises(EOFError):
        other.receive()


def test_nothing_to_read_is_no_error(pair: Pair) -> None:
    """A read for nothing, as after a stale event, gives nothing."""
    assert pair[0].receive() == []
    assert not pair[0].is_hung_up()
