"""CAPS over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_what_the_server_can_do(wire):
    """CAPS tells protocol, limits, capabilities, runtimes and verbs."""
    line = await wire.say("caps")

    for part in (
        "proto=1",
        "max_line=8192",
        "max_in_flight=64",
        "runtimes=memory",
        "attach,exec,follow",
        "verbs=help,",
    ):
        assert part in line
