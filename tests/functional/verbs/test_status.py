"""STATUS over a real socket."""

from __future__ import annotations

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_four_facts_and_a_phase(server, jails, wire):
    """STATUS tells want, status, phase and readiness of each jail, and how it ended last."""
    server.now += 7.25
    jails.run(jails.facts("web").definition._replace(id="job", size=(24, 80)), "uid:0")
    jails.exit("job", 3)

    assert await wire.reply("status") == [
        "* jail=job want=up status=stopped phase=idle ready=no tty=yes exit=3 restarts=0 last=2025-11-23T15:01:27.352Z",
        "* jail=web want=up status=running phase=running ready=yes pid=2210 up=7.2 restarts=0",
        "+ n=2",
    ]


@pytest_twisted.ensureDeferred
async def test_only_the_jails_that_are_named(jails, wire):
    """STATUS ID... tells of these; one that does not exist fails the whole."""
    assert (await wire.reply("status web web"))[-1] == "+ n=2"
    assert await wire.reply("status web webb") == [
        '- NOJAIL jail=webb msg="no jail named \\"webb\\"; did you mean \\"web\\"?"'
    ]


@pytest_twisted.ensureDeferred
async def test_a_thousand_jails(server, wire):
    """A long reply is whole and in order."""
    for number in range(1000):
        server.run(f"jail{number:03}")

    *lines, last = await wire.reply("status")

    assert last == "+ n=1000"
    assert [line.split()[1] for line in lines] == [f"jail=jail{number:03}" for number in range(1000)]


@pytest_twisted.ensureDeferred
async def test_those_that_match(server, jails, wire):
    """A pattern stands for all that match, in the order of their names; for none, where none does."""
    server.run("web2")
    server.run("db")

    assert [line.split()[1] for line in (await wire.reply("status w*2 ? [cd]b"))[:-1]] == ["jail=web2", "jail=db"]
    assert await wire.reply("status x*") == ["+ n=0"]


@pytest_twisted.ensureDeferred
async def test_the_last_end_of_one_that_runs_again(jails, wire):
    """It is told until the next one."""
    jails.exit("web", None, 11)
    jails.start("web", "uid:0")

    [line, _] = await wire.reply("status web")

    assert " status=running " in line
    assert " signal=11 " in line
