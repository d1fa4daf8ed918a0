"""UNSUBSCRIBE over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_no_more_events(jails, wire):
    """UNSUBSCRIBE ends the events, and may be said twice."""
    await wire.say("subscribe")
    assert await wire.say("unsubscribe") == "+"
    jails.exit("web", 0)
    assert await wire.say("unsubscribe") == "+"
    assert await wire.say("subscribe") == f"+ seq={jails.events.last_seq + 1}"
