"""LIST over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_all_jails_in_short(server, jails, wire):
    """LIST has a record for each jail, by id, and counts them."""
    server.run("db")

    assert await wire.reply("1 list") == [
        "*1 jail=db status=running phase=running pid=2211",
        "*1 jail=web status=running phase=running pid=2210",
        "+1 n=2",
    ]


@pytest_twisted.ensureDeferred
async def test_no_jails(wire):
    """Without jails there are no records."""
    assert await wire.reply("list") == ["+ n=0"]
