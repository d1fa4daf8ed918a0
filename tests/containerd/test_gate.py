"""Where relays connect, on real sockets."""

from __future__ import annotations

import os
import socket
import stat

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from runjd.containerd import gate
from runjd.containerd.gate import RelayDoor
from runjd.containerd.relay.hello import Hello, format_hello
from runjd.protocols.ttrpc.envelope import Response
from tests.containerd.relay.caller import Caller
from tests.containerd.relay.running import ORIGIN
from tests.protocols.ttrpc.conversing import Scripted, request


@pytest_twisted.async_yield_fixture
async def door(private_dir):
    """Return a directory whose door is open, and what is behind it."""
    directory, services = f"{private_dir}/c", Scripted()
    made = RelayDoor(directory, services, reactor)
    made.open()
    yield directory, services, made
    closed = made.close("the test ends")
    if closed is not None:
        await closed
    for _ in range(5):
        await deferLater(reactor, 0)


@pytest_twisted.ensureDeferred
async def test_calls_come_with_what_the_hello_says(door):
    """Origin, connection and what is repeated reach the service; hello and calls may come in one piece."""
    directory, services, _ = door
    with Caller(f"{directory}/socket") as caller:
        said = format_hello(Hello(ORIGIN, "r-7", 1))
        caller.socket.sendall(said + request(1, "Now", b"a") + request(3, "Now", b"b"))
        answers = [await deferToThread(caller.answer) for _ in range(2)]

    assert answers == [(1, Response(b"a")), (3, Response(b"b"))]
    assert [(each.caller.connection, each.caller.origin, each.is_repeated) for each in services.calls] == [
        ("r-7", ORIGIN, True),
        ("r-7", ORIGIN, False),
    ]


@pytest_twisted.ensureDeferred
async def test_calls_are_cancelled_when_the_relay_closes_their_connection(door):
    """As containerd did."""
    directory, services, _ = door
    with Caller(f"{directory}/socket") as caller:
        caller.socket.sendall(format_hello(Hello(ORIGIN, "r-7")) + request(1, "Later") + request(3, "Now"))
        await deferToThread(caller.answer)
    await services.gone

    assert services.cancelled == [1]


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n\r\n", request(1, "Now")], ids=["http", "ttrpc"])
@pytest_twisted.ensureDeferred
async def test_who_says_no_hello_is_turned_away(door, words):
    """The connection is closed, and no service hears of it."""
    directory, services, _ = door
    with Caller(f"{directory}/socket") as caller:
        caller.socket.sendall(words)
        assert await deferToThread(caller.is_closed)

    assert services.calls == []


@pytest_twisted.ensureDeferred
async def test_who_says_nothing_is_turned_away(door, monkeypatch):
    """After some time; a daemon does not keep connections for those who want nothing."""
    monkeypatch.setattr(gate, "HELLO_TIME", 0.05)
    directory, _, _ = door
    with Caller(f"{directory}/socket") as caller:
        assert await deferToThread(caller.is_closed)


@pytest_twisted.ensureDeferred
async def test_a_door_that_closes_answers_nothing(door):
    """What waits is the next daemon's; the socket is taken away."""
    directory, services, made = door
    with Caller(f"{directory}/socket") as caller:
        caller.socket.sendall(format_hello(Hello(ORIGIN, "r-7")) + request(1, "Later") + request(3, "Now"))
        await deferToThread(caller.answer)
        await made.close("over")
        assert await deferToThread(caller.is_closed)

    assert services.cancelled == [1]
    assert not os.path.exists(f"{directory}/socket")


@pytest_twisted.ensureDeferred
async def test_nobody_else_reaches_the_socket(door):
    """Its directory is 0700, itself 0600; that of a daemon that was killed is replaced."""
    directory, _, made = door
    await made.close("over")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{directory}/socket")
    made.open()
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (directory, f"{directory}/socket")]

    assert modes == [0o700, 0o600]
