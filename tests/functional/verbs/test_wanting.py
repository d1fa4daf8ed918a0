"""START once=, TRY-RESTART, RESET, ENABLE and DISABLE over a real socket."""

from __future__ import annotations

import pytest_twisted

from runjd.errors import RuntimeFailure


@pytest_twisted.ensureDeferred
async def test_a_jail_is_wanted_once(jails, wire):
    """At its end it is wanted down."""
    await wire.say("stop web")
    assert (await wire.say("start web once=yes")).startswith("+ jail=web phase=running")
    assert jails.facts("web").want == "once"

    jails.exit("web", 0)

    assert jails.facts("web").want == "down"


@pytest_twisted.ensureDeferred
async def test_try_restart_leaves_alone_what_is_down(jails, wire):
    """What runs begins anew; what is down is shown as it is, and nobody waits."""
    before = jails.facts("web").pid
    assert (await wire.say("try-restart web")).startswith("+ jail=web phase=running")
    assert jails.facts("web").pid != before
    await wire.say("stop web")

    assert (await wire.say("try-restart web wait=ready timeout=5")).startswith("+ jail=web phase=idle")
    assert jails.facts("web").want == "down"


@pytest_twisted.ensureDeferred
async def test_a_failure_is_forgotten(jails, wire):
    """RESET makes a failed jail idle, and changes nothing else."""
    await wire.say("stop web")
    jails.next_start_error = RuntimeFailure("exec", "no such file")
    await wire.say("start web")
    assert jails.facts("web").phase == "failed"

    assert await wire.say("reset web") == "+ jail=web phase=idle ready=no signal=15"
    assert await wire.say("reset web") == "+ jail=web phase=idle ready=no signal=15"
    assert jails.facts("web").want == "up"


@pytest_twisted.ensureDeferred
async def test_boots_are_spoken_of(jails, wire):
    """ENABLE and DISABLE may be said twice, are shown, and touch nothing that runs."""
    before = jails.facts("web").pid
    for verb, word in (("enable", "yes"), ("enable", "yes"), ("disable", "no")):
        assert (await wire.say(f"{verb} web")).endswith(f" enabled={word}")

    assert jails.facts("web").pid == before
    assert jails.facts("web").enabled is False


@pytest_twisted.ensureDeferred
async def test_a_rule_is_given_to_run(server, wire):
    """Wrong rules are refused, and one that does not go with rm=."""
    assert (await wire.say("run a /b restart=on-failure:3")).startswith("+ ")
    assert server.jails.facts("a").definition.settings.restart[:2] == ("on-failure", 3)
    assert "BAD_ARG" in await wire.say("run b /b restart=sometimes")
    assert "BAD_ARG" in await wire.say("run b /b restart=always:3")
    assert "BAD_ARG" in await wire.say("run b /b restart=always rm=yes")
