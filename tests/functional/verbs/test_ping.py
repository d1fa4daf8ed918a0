"""PING over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_the_answer_has_the_time_and_the_tag(wire):
    """PING is answered with the time; tags come back as they were sent; verbs ignore case."""
    assert await wire.say("ping") == "+ at=2025-11-23T15:01:20.102Z"
    assert await wire.say("007 PiNg") == "+007 at=2025-11-23T15:01:20.102Z"
