"""What :mod:`runjd.protocols.control.server` promises of order, tags and contiguity."""

from __future__ import annotations

import pytest_twisted

from runjd.protocols.control.reply import Announcement, Record, Success, parse_reply


@pytest_twisted.ensureDeferred
async def test_untagged_requests_are_strictly_in_order(server, wire):
    """An untagged request waits for the untagged ones before it."""
    wire.send("wait web\nping\n1 ping\nshow web")

    assert (await wire.line()).startswith("+1 at=")
    server.jails.exit("web", 2)
    lines = await wire.lines(4)
    assert [line.split()[:2] for line in lines] == [
        ["+", "jail=web"],
        ["+", "at=2025-11-23T15:01:20.102Z"],
        ["*", "jail=web"],
        ["+", "n=1"],
    ]


@pytest_twisted.ensureDeferred
async def test_tagged_requests_finish_when_they_can(server, wire):
    """A slow tagged request does not hold up another one."""
    wire.send("1 wait web\n2 ping\n3 ping")

    assert [line.split()[0] for line in await wire.lines(2)] == ["+2", "+3"]
    server.jails.exit("web", 2)
    assert await wire.line() == "+1 jail=web phase=idle ready=no exit=2"


@pytest_twisted.ensureDeferred
async def test_a_tag_in_use_is_refused_without_touching_its_owner(server, wire):
    """The second request of a tag gets -? BAD_ARG, the first its own answer."""
    wire.send("1 wait web")

    assert await wire.say("1 ping") == '-? BAD_ARG tag=1 msg="the tag 1 is in use"'
    server.jails.exit("web", 0)
    assert await wire.line() == "+1 jail=web phase=idle ready=no exit=0"
    assert (await wire.say("1 ping")).startswith("+1 ")


@pytest_twisted.ensureDeferred
async def test_nothing_comes_between_the_lines_of_a_reply(server, wire):
    """Events and other replies wait until a long reply is whole."""
    for number in range(3000):
        server.run(f"jail{number:04}")
    wire.send("9 subscribe\n1 status\n2 status\n3 ping")
    tags = []
    while not tags or tags[-1] != "3":
        server.jails.events.emit("web", "notice", {"text": "x"})
        line = parse_reply(await wire.line())
        if isinstance(line, Record | Success):
            tags.append(line.tag)
        else:
            assert isinstance(line, Announcement)
            tags.append("!")
    assert "!" not in tags[tags.index("1") : len(tags) - tags[::-1].index("1")]
    replies = [tag for tag in tags if tag != "!"]
    assert replies == ["9"] + ["1"] * 3002 + ["2"] * 3002 + ["3"]


@pytest_twisted.ensureDeferred
async def test_sixty_four_requests_in_flight(server, wire):
    """With 64 in flight the connection is not read; when one is answered reading goes on."""
    wire.send("\n".join(f"{tag} wait web" for tag in range(64)) + "\nping\ncancel 0")
    await server.pause(0.05)
    assert not wire._buffer

    server.jails.exit("web", 0)

    lines = await wire.lines(66)
    tagged = [line.split()[0] for line in lines if line[1] != " "]
    assert tagged == [f"+{tag}" for tag in range(64)]
    assert [line[:11] for line in lines if line[1] == " "] == ["+ at=2025-1", "- NOTFOUND "]


@pytest_twisted.ensureDeferred
async def test_other_connections_do_not_notice(server, wire):
    """A connection with all it may have in flight does not delay another."""
    wire.send("\n".join(f"{tag} wait web" for tag in range(100)))
    other = await server.connect()

    assert (await other.say("ping")).startswith("+ at=")


@pytest_twisted.ensureDeferred
async def test_the_half_close_of_a_script(server, wire):
    """printf 'status' | nc -UN is answered, and then the server closes."""
    wire.send("status\n1 ping\nping")
    wire.send_end()

    lines = (await wire.end()).decode().splitlines()
    assert [line.split()[0] for line in lines] == ["*", "+", "+1", "+"]


@pytest_twisted.ensureDeferred
async def test_waits_and_follows_outlive_the_half_close(server, wire):
    """What is in flight at the half-close is answered when it is due."""
    wire.send("1 wait web\n2 log web follow=yes")
    wire.send_end()
    await server.pause(0.02)
    server.jails.output("web", b"late\n")

    assert (await wire.line()).endswith(" out late")
    server.jails.exit("web", 1)
    assert await wire.line() == "+1 jail=web phase=idle ready=no exit=1"
    wire.drop()
    server.jails.delete("web", "uid:0")


@pytest_twisted.ensureDeferred
async def test_a_subscription_outlives_the_half_close(server, wire):
    """printf 'subscribe' | nc -UN shows events until it is killed."""
    wire.send("subscribe")
    wire.send_end()
    await wire.line()
    server.jails.exit("web", 0)

    assert " ev=exit " in await wire.line()


@pytest_twisted.ensureDeferred
async def test_a_client_that_is_gone_is_noticed(server, wire):
    """A client that closed both sides is forgotten with all it waited for."""
    wire.send("1 wait web\n2 log web follow=yes\nsubscribe")
    await wire.line()

    wire.drop()

    await server.until(lambda: not server.factory.hall.members)
