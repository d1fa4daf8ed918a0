"""PLAN over a real socket."""

from __future__ import annotations

import time

import pytest_twisted

from runjd.policy.facts import Definition
from runjd.policy.settings import Settings


def define(jails, id, **rules):
    """Define a jail with such rules, and let its program end."""
    jails.run(Definition(id, f"/bundles/{id}", "", settings=Settings(**rules)), "uid:0")
    jails.exit(id)


@pytest_twisted.ensureDeferred
async def test_the_steps_of_a_start(jails, wire):
    """A record for each jail in the order of the steps, with what it waits for; nothing is started."""
    define(jails, "app", requires=("db", "web"))
    define(jails, "db")

    assert await wire.reply("plan app") == [
        "* jail=web does=keep phase=running",
        "* jail=db does=start step=1 phase=idle",
        "* jail=app does=start step=2 phase=idle waits_for=db",
        "+ n=3 starts=2",
    ]
    assert jails.facts("db").phase == "idle"


@pytest_twisted.ensureDeferred
async def test_what_would_wait_says_why(jails, wire):
    """Without a name it is what a boot would do: nobody starts what somebody wants down."""
    define(jails, "app", requires=("db",))
    define(jails, "db")
    jails.stop("db", "uid:0")

    assert await wire.reply("plan") == [
        "* jail=web does=keep phase=running",
        '* jail=app does=wait phase=idle waits_for=db reason="waiting for db (stopped)"',
        "+ n=2 starts=0",
    ]


@pytest_twisted.ensureDeferred
async def test_an_unknown_jail_fails_the_whole(jails, wire):
    """The error names a near miss."""
    assert await wire.reply("plan web webb") == [
        '- NOJAIL jail=webb msg="no jail named \\"webb\\"; did you mean \\"web\\"?"'
    ]


@pytest_twisted.ensureDeferred
async def test_a_thousand_jails(jails, wire):
    """Plan and status of a thousand jails, each behind another, take less than a second each."""
    for number in range(1000):
        define(jails, f"jail{number:03}", requires=(f"jail{number - 1:03}",) if number else ())
    for verb in ("plan jail999", "status"):
        began = time.monotonic()
        lines = await wire.reply(verb)
        assert len(lines) >= 1001
        assert time.monotonic() - began < 1.0
