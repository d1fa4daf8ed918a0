"""A keeper's channel in the reactor's hands."""

from __future__ import annotations

import _socket
import os

from runjd.keeper.channel import Channel, Parcel
from runjd.protocols.keeperlink import KeeperLink


class Turns:
    """A reactor that keeps its hands off."""

    def addReader(self, reader: object) -> None:
        pass

    removeReader = addWriter = removeWriter = addReader


def test_many_messages_with_descriptors_are_read_in_one_turn() -> None:
    """Each takes a read of its own; but not so many that others wait, and none is lost."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    got: list[Parcel] = []
    link = KeeperLink(Turns(), Channel(ours), got.append, lambda reason: None)
    keeper = Channel(theirs)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number in range(40):
        keeper.send(lambda number=number: Parcel({"m": "process", "n": number}, (nothing,)))  # type: ignore[misc]
    assert keeper.flush()

    link.doRead()
    first = len(got)
    for _ in range(40):
        link.doRead()

    assert 8 <= first < 40
    assert [each.message["n"] for each in got] == list(range(40))
    for each in got:
        each.drop()
    os.close(nothing)
    keeper.close()
    link.stop()


def test_what_a_message_brought_about_ends_the_reading() -> None:
    """The connection is closed by it; the descriptors of what comes behind are closed."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    got: list[Parcel] = []

    def received(parcel: Parcel) -> None:
        got.append(parcel)
        link.stop()

    link = KeeperLink(Turns(), Channel(ours), received, lambda reason: got.clear())
    keeper = Channel(theirs)
    keeper.send(lambda: Parcel({"m": "ready"}))
    keeper.send(lambda: Parcel({"m": "ready"}))
    assert keeper.flush()

    link.doRead()

    assert len(got) == 1
    keeper.close()
