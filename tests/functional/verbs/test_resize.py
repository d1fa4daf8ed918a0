"""RESIZE over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_the_terminal_gets_its_size(server, wire):
    """RESIZE sets rows and columns, from any connection, of the jail or of an exec."""
    server.run("sh", (24, 80))

    assert await wire.say("resize sh rows=50 cols=132") == "+ jail=sh rows=50 cols=132"
    assert server.jails.size("sh") == (50, 132)
    await wire.say("exec sh detach=yes tty=yes -- top")
    assert await wire.say("resize sh rows=9 cols=8 exec=x1") == "+ jail=sh rows=9 cols=8"
    assert server.jails.size("sh", "x1") == (9, 8)


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_resized(jails, wire):
    """A size needs both sides within reason, and a terminal."""
    assert (await wire.say("resize web")).startswith("- BAD_ARG verb=resize arg=rows ")
    assert (await wire.say("resize web rows=24")).startswith("- BAD_ARG verb=resize arg=cols ")
    assert (await wire.say("resize web rows=0 cols=80")).startswith("- BAD_ARG verb=resize arg=rows ")
    assert (await wire.say("resize web rows=24 cols=65535")).startswith("- BAD_ARG verb=resize arg=cols ")
    assert (await wire.say("resize web rows=24 cols=80")).startswith("- STATE jail=web ")
    assert (await wire.say("resize web rows=24 cols=80 exec=x9")).startswith("- NOTFOUND jail=web exec=x9 ")
