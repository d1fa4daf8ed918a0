"""SHUTDOWN over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted


@pytest.mark.parametrize("how", ["keep", "stop"])
@pytest_twisted.ensureDeferred
async def test_jails_are_kept_or_stopped(server, jails, wire, how):
    """SHUTDOWN says what becomes of the jails."""
    assert await wire.say(f"shutdown {how}") == f"+ how={how}"
    assert jails.shutdowns == [how]
    assert bool(jails.facts("web").pid) is (how == "keep")


@pytest_twisted.ensureDeferred
async def test_it_must_be_said_which(server, wire):
    """SHUTDOWN alone does nothing."""
    assert (await wire.say("shutdown")).startswith("- BAD_ARG verb=shutdown arg=HOW ")
    assert (await wire.say("shutdown now")).startswith("- BAD_ARG verb=shutdown arg=HOW ")
    assert server.jails.shutdowns == []
