"""SUBSCRIBE over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_events_as_they_happen(jails, wire):
    """SUBSCRIBE shows every event from then on, with its number."""
    first = jails.events.last_seq + 1
    assert await wire.say("1 subscribe") == f"+1 seq={first}"

    jails.exit("web", 5)

    assert await wire.lines(2) == [
        f"! {first} at=2025-11-23T15:01:20.102Z jail=web ev=exit pid=2210 exit=5 by=program",
        f"! {first + 1} at=2025-11-23T15:01:20.102Z jail=web ev=state from=running to=idle by=program",
    ]


@pytest_twisted.ensureDeferred
async def test_only_what_was_asked_for(server, jails, wire):
    """ev= and jail= choose."""
    await wire.say("subscribe ev=exit,exec jail=w*")
    server.run("db")
    jails.exit("db", 1)
    jails.exit("web", 2)

    assert (await wire.line()).partition("at=")[2].startswith("2025-11-23T15:01:20.102Z jail=web ev=exit ")
    assert (await wire.say("ping")).startswith("+")


@pytest_twisted.ensureDeferred
async def test_replay_since_a_place(jails, wire):
    """since= shows what happened behind that event, then what happens."""
    assert await wire.say("subscribe since=7f3a91:1") == "+ seq=2"
    count = jails.events.last_seq - 1
    assert [line.split()[1] for line in await wire.lines(count)] == [str(number + 2) for number in range(count)]
    jails.exit("web", 0)
    assert (await wire.line()).startswith(f"! {count + 2} at=")


@pytest_twisted.ensureDeferred
async def test_another_life_begins_with_a_gap(jails, wire):
    """With a place in another daemon's life a gap is told first, then all that is known."""
    assert await wire.say("subscribe since=abcdef:1040") == "+ seq=1"
    assert await wire.line() == "! 0 ev=gap run=7f3a91"
    assert (await wire.line()).startswith("! 1 at=")


@pytest_twisted.ensureDeferred
async def test_what_the_ring_lost_is_told(server, wire):
    """Behind the 10,000 newest a gap says how many are missing."""
    for number in range(10_050):
        server.jails.events.emit("web", "state", {"n": number})
    wire.send("subscribe since=7f3a91:20")

    assert await wire.line() == "+ seq=51"
    assert await wire.line() == "! 50 ev=gap lost=30"
    assert [int((await wire.line()).split()[1]) for _ in range(10_000)] == list(range(51, 10_051))


@pytest.mark.parametrize(
    ("line", "arg"),
    [("since=7f3a91", "since"), ("since=7f3a91:99", "since"), ("ev=", "ev"), ("ev=a,,b", "ev"), ("jail=", "jail")],
)
@pytest_twisted.ensureDeferred
async def test_bad_arguments(wire, line, arg):
    """Places, events and patterns are checked."""
    assert (await wire.say(f"subscribe {line}")).startswith(f"- BAD_ARG verb=subscribe arg={arg} ")
    assert await wire.say("subscribe") == "+ seq=1"


@pytest_twisted.ensureDeferred
async def test_one_subscription_for_each_connection(wire):
    """A second one is refused."""
    await wire.say("subscribe")
    assert (await wire.say("subscribe")).startswith('- STATE msg="a subscription is open')
