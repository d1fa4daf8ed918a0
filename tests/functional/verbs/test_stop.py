"""STOP over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_stop_answers_when_it_is_gone(jails, wire):
    """STOP ends the jail and says how it ended; a second one finds nothing to do."""
    assert await wire.say("stop web") == "+ jail=web phase=idle ready=no signal=15"
    assert await wire.say("stop web") == "+ jail=web phase=idle ready=no signal=15"


@pytest_twisted.ensureDeferred
async def test_grace_is_the_time_before_the_kill(jails, wire):
    """A program that survives SIGTERM is killed after grace= seconds, which is told."""
    jails.ignores_term = True

    answer, _, notice = (await wire.say("stop web grace=0.02")).partition(" notice=")
    assert answer == "+ jail=web phase=idle ready=no signal=9"
    assert notice.startswith('"web was killed, as SIGTERM did not end it within 0.02 s; ')


@pytest_twisted.ensureDeferred
async def test_nobody_has_to_wait(server, jails, wire):
    """wait=none answers at once, timeout= ends the waiting, not the stopping."""
    jails.ignores_term = True

    assert await wire.say("stop web grace=0.1 wait=none") == "+ jail=web"
    assert (await wire.say("stop web timeout=0.01 grace=0.1")).startswith("- TIMEOUT msg=")
    await server.until(lambda: not jails.facts("web").pid)
    await server.pause(0.12)
