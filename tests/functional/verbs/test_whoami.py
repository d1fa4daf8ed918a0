"""WHOAMI over a real socket."""

from __future__ import annotations

import os

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_the_kernel_names_the_client(wire):
    """WHOAMI tells who connected, as the kernel says."""
    assert await wire.say("whoami") == f"+ uid={os.getuid()} gid={os.getgid()} pid={os.getpid()} role=admin"
