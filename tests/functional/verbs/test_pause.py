"""PAUSE and RESUME over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_a_jail_stands_still_and_goes_on(server, wire):
    """The answers and the status tell it; the same again is no error."""
    server.run("web")

    for _ in range(2):
        assert (await wire.say("pause web")).endswith(" paused=yes")
    assert " status=paused phase=running " in (await wire.reply("status web"))[0]
    for _ in range(2):
        assert (await wire.say("resume web timeout=5")).endswith(" paused=no")
    assert " status=running phase=running " in (await wire.reply("status web"))[0]


@pytest_twisted.ensureDeferred
async def test_what_does_not_run_cannot_be_paused(server, wire):
    """Nor can what is not there."""
    server.run("web")
    await wire.say("stop web")

    assert (await wire.say("pause web")).startswith("- STATE jail=web ")
    assert (await wire.say("resume webb")).startswith("- NOJAIL jail=webb ")
    assert (await wire.say("pause")).startswith("- BAD_ARG verb=pause ")
