"""WAIT over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_wait_for_the_end(server, jails, wire):
    """WAIT answers when the jail is stopped, and says how it ended."""
    wire.send("1 wait web\nping")
    assert (await wire.line()).startswith("+ at=")

    jails.exit("web", 7)

    assert await wire.line() == "+1 jail=web phase=idle ready=no exit=7"
    assert await wire.say("wait web") == "+ jail=web phase=idle ready=no exit=7"


@pytest_twisted.ensureDeferred
async def test_wait_for_the_start(jails, wire):
    """until=started and until=ready are there already where the jail runs."""
    assert await wire.say("wait web until=started") == "+ jail=web phase=running ready=yes pid=2210"
    assert await wire.say("wait web until=ready") == "+ jail=web phase=running ready=yes pid=2210"


@pytest_twisted.ensureDeferred
async def test_a_time_limit(jails, wire):
    """After timeout= seconds the answer is TIMEOUT."""
    assert await wire.say("wait web timeout=0.01") == (
        '- TIMEOUT msg="waiting for web to be stopped took longer than 0.01 seconds; it goes on"'
    )
