"""HELP over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_all_verbs_are_listed(server, wire):
    """HELP tells each verb in a line, and counts them."""
    *lines, last = await wire.reply("help")

    assert last == f"+ n={len(server.factory.hall.verbs.verbs)}"
    assert any(line.startswith("| F status ") for line in lines)


@pytest_twisted.ensureDeferred
async def test_one_verb_is_explained(wire):
    """HELP VERB tells what it takes."""
    lines = await wire.reply("3 HELP stop")

    assert lines[0] == "|3 F stop ID [grace=SECONDS] [wait=none|stopped] [timeout=SECONDS]"
    assert lines[-1] == "+3 n=1"


@pytest_twisted.ensureDeferred
async def test_a_near_miss_is_named(wire):
    """HELP of what is no verb names the nearest one."""
    assert await wire.say("help stp") == '- UNKNOWN_VERB msg="no verb \\"stp\\"; did you mean \\"stop\\"?"'
