"""RESTART over a real socket."""

from __future__ import annotations

import re

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_restart_gives_a_new_process(jails, wire):
    """RESTART stops and starts, and answers when it runs again."""
    line = await wire.say("2 restart web wait=ready timeout=30")

    assert re.fullmatch(r"\+2 jail=web phase=running ready=yes pid=2211 took_ms=\d+", line)
