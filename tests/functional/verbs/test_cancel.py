"""CANCEL over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_cancel_ends_a_wait(jails, wire):
    """The request is answered CANCELLED, then CANCEL itself."""
    wire.send("1 wait web\n2 cancel 1")

    assert await wire.lines(2) == ['-1 CANCELLED msg="no longer waited for"', "+2"]


@pytest_twisted.ensureDeferred
async def test_there_must_be_something(jails, wire):
    """A tag that is not in flight is NOTFOUND, one's own, too; tags are compared as they were sent."""
    wire.send("1 wait web")

    assert await wire.say("cancel 01") == '- NOTFOUND tag=01 msg="no request with the tag 01 is in flight"'
    assert (await wire.say("5 cancel 5")).startswith("-5 NOTFOUND tag=5 ")
    assert (await wire.say("cancel x")).startswith("- BAD_ARG verb=cancel arg=TAG ")
    assert (await wire.say("cancel")).startswith("- BAD_ARG verb=cancel arg=TAG ")
