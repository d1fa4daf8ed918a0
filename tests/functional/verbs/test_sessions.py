"""SESSIONS over a real socket, and what the sessions themselves hear."""

from __future__ import annotations

import pytest_twisted

SINCE = "2025-11-23T15:01:20.102Z"


@pytest_twisted.ensureDeferred
async def test_all_of_them_and_those_of_a_jail(server, jails, wire):
    """Each with its number, its verb, who asked, and whether it types."""
    first, second = await server.connect(), await server.connect()
    await first.say("attach web mode=frame")
    await second.say("attach web mode=frame")

    lines = await wire.reply("sessions web")

    uid = wire.greeting.partition("uid=")[2].split()[0]
    assert lines == [
        f"* session=1 kind=attach jail=web pid=2210 by=uid:{uid} since={SINCE} input=yes paused=no lost=0",
        f"* session=2 kind=attach jail=web pid=2210 by=uid:{uid} since={SINCE} input=no paused=no lost=0",
        "+ n=2",
    ]
    assert (await wire.reply("sessions"))[-1] == "+ n=2"
    assert (await wire.say("sessions nothing")).startswith("- NOJAIL jail=nothing ")


@pytest_twisted.ensureDeferred
async def test_closing_one(server, jails, wire):
    """The client of the session is told who did it, and its connection ends; the jail goes on."""
    viewer = await server.connect()
    await viewer.say("attach web mode=frame")

    assert await wire.say("sessions close=1") == "+ session=1 jail=web"

    assert (await viewer.end()).partition(b"\n")[2].startswith(b"closed=uid:")
    assert jails.facts("web").pid
    assert (await wire.say("sessions close=1")).startswith("- NOTFOUND session=1 ")
    assert (await wire.say("sessions web close=1")).startswith("- BAD_ARG verb=sessions arg=close ")


@pytest_twisted.ensureDeferred
async def test_the_second_to_attach_looks_on_until_the_place_is_free(server, jails, wire):
    """The answer says who types; a frame says when that changed."""
    first = await server.connect()
    await first.say("attach web")
    answer = await wire.say("attach web mode=frame")
    assert " input=no typist=uid:" in answer
    wire.send(b"I 3\nno\n")
    await server.pause(0.02)
    first.drop()
    await server.until(lambda: server.factory.hall.members == 1)

    wire.send(b"I 4\nyes\n")

    seen = await wire.line()
    assert seen.startswith("S ")
    assert (await wire.bytes(int(seen[2:]))).startswith(b"input=yes by=uid:")
    assert await wire.bytes(8) == b"O 4\nyes\n"
    assert jails.typed("web") == b"yes\n"


@pytest_twisted.ensureDeferred
async def test_stealing(server, jails, wire):
    """Who typed is told; who must type and cannot is refused."""
    first = await server.connect()
    await first.say("attach web mode=frame")
    refused = await wire.say("attach web input=yes")
    assert refused.startswith("- STATE session=1 ")

    assert " input=yes" in await wire.say("attach web input=steal")

    seen = await first.line()
    assert (await first.bytes(int(seen[2:]))).startswith(b"input=no by=uid:")
    first.send(b"I 3\nno\n")
    wire.send(b"yes\n")
    assert await wire.bytes(4) == b"yes\n"
    assert jails.typed("web") == b"yes\n"


@pytest_twisted.ensureDeferred
async def test_a_detached_exec_is_attached_to_and_waited_for(server, jails, wire):
    """Its output is there for who comes, its status for who asks."""
    assert await wire.say("exec web detach=yes stdin=yes -- cat") == "+ jail=web exec=x1 pid=2211"
    viewer = await server.connect()
    assert (await viewer.say("attach web exec=x1")).startswith("+ jail=web exec=x1 pid=2211 mode=raw ")
    viewer.send(b"hello\nexit 4\n")
    assert await viewer.end() == b"hello\n"

    assert await wire.say("wait web exec=x1") == f"+ jail=web exec=x1 pid=2211 exit=4 at={SINCE}"
    assert (await wire.say("wait web exec=x2")).startswith("- NOTFOUND jail=web exec=x2 ")
    assert (await wire.say("wait web exec=x1 until=ready")).startswith("- BAD_ARG verb=wait arg=until ")
