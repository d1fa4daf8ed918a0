"""DUMP over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_parts_come_one_after_another(server, wire):
    """Each as a record, and its lines as text, escaped as all text is."""
    assert await wire.reply("dump") == [
        "* part=versions",
        "| F runjd 0.4.0",
        "* part=stacks",
        "| F thread main",
        "| F   a\\x1bb",
        "+",
    ]
