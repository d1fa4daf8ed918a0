"""WHOAMI over a real socket."""

from __future__ import annotations

import os

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_the_kernel_names_the_client(wire):
    """WHOAMI tells who connected, as the kernel says."""
    groups = ",".join(map(str, dict.fromkeys((os.getgid(), *os.getgroups()))))
    who = f"uid={os.getuid()} gid={os.getgid()} groups={groups} pid={os.getpid()}"

    assert await wire.say("whoami") == f"+ {who} role=admin"
