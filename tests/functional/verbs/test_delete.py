"""DELETE over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_only_what_does_not_run_is_deleted(jails, wire):
    """DELETE refuses a running jail, unless force=yes."""
    assert (await wire.say("delete web")).startswith("- STATE jail=web ")
    assert await wire.say("delete web force=yes") == "+ jail=web"
    assert (await wire.say("delete web")).startswith("- NOJAIL jail=web ")
