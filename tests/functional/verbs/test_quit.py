"""QUIT over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_quit_answers_and_closes(jails, wire):
    """QUIT is answered, then the connection closes, and what is in flight is not answered."""
    wire.send("1 wait web\nquit\nping")

    assert await wire.end() == b"+\n"
