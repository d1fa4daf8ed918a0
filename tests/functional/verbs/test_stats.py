"""STATS over a real socket."""

from __future__ import annotations

import pytest_twisted

from runjd.policy.usage import Usage


@pytest_twisted.ensureDeferred
async def test_what_jails_use(server, jails, wire):
    """Time, memory, processes, disks and the log; what is not known, or does not run, has no such keys."""
    server.run("db")
    server.run("job")
    jails.exit("job", 0)
    jails.usages = {"web": Usage(1.25, 4096, 3, 10, 20, True), "db": Usage(0.5, 1, 1)}
    jails.output("web", b"hello\n")

    found = await wire.reply("stats")

    assert found == [
        "* jail=db phase=running pid=2211 up=0.0 cpu=0.500000 mem=1 procs=1 log=0",
        "* jail=job phase=idle log=0",
        "* jail=web phase=running pid=2210 up=0.0 cpu=1.250000 mem=4096 procs=3 read=10 written=20 paused=yes log=6",
        found[-1],
    ]
    assert found[-1].startswith("+ n=3 clock=")


@pytest_twisted.ensureDeferred
async def test_those_that_are_named(server, jails, wire):
    """By id or by pattern; an id that does not exist fails the whole, a pattern may match nothing."""
    server.run("web2")

    assert [line.split()[1] for line in (await wire.reply("stats web*"))[:-1]] == ["jail=web", "jail=web2"]
    assert await wire.reply("stats x*") == ["+ n=0"]
    assert (await wire.reply("stats webb"))[-1].startswith("- NOJAIL jail=webb ")
