"""SHOW over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_all_that_is_known(jails, wire):
    """SHOW has the definition, too."""
    [record, last] = await wire.reply("show web")

    assert record.endswith(
        " bundle=/bundles/web runtime=memory stdin=yes rm=no restart=never started=2025-11-23T15:01:20.102Z"
    )
    assert last == "+ n=1"


@pytest_twisted.ensureDeferred
async def test_the_id_is_needed(wire):
    """SHOW without an id is a bad argument, an illegal one, too."""
    assert await wire.say("show") == '- BAD_ARG verb=show arg=ID msg="show needs ID"'
    assert (await wire.say("show ../x")).startswith("- BAD_ARG verb=show arg=ID msg=")
    assert (await wire.say("show web")).startswith("- NOJAIL jail=web ")
