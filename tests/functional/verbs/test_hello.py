"""HELLO over a real socket."""

from __future__ import annotations

import os

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_the_server_speaks_first(wire):
    """The greeting names protocol, life, process, role and limits."""
    assert wire.greeting.startswith("! 0 ev=hello proto=1 server=runjd/0.4.0 run=7f3a91 pid=")
    assert f" role=admin uid={os.geteuid()} max_line=8192 caps=attach,exec,follow" in wire.greeting


@pytest_twisted.ensureDeferred
async def test_hello_says_the_same(wire):
    """HELLO answers with what the greeting said."""
    assert await wire.say("hello 1") == "+ " + wire.greeting.removeprefix("! 0 ")


@pytest_twisted.ensureDeferred
async def test_another_protocol_is_refused(wire):
    """HELLO 2 is a bad argument."""
    line = await wire.say("hello 2")

    assert line == '- BAD_ARG verb=hello arg=PROTO msg="this server speaks protocol 1, not 2"'
