"""KILL over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_the_default_is_term(jails, wire):
    """KILL sends SIGTERM, and can wait for the end."""
    assert await wire.say("kill web wait=stopped") == "+ jail=web phase=idle ready=no signal=15"
    assert (await wire.say("kill web")).startswith("- STATE jail=web ")


@pytest.mark.parametrize("signal", ["9", "KILL", "sigkill"])
@pytest_twisted.ensureDeferred
async def test_signals_have_names_and_numbers(jails, wire, signal):
    """A signal is given by number or name."""
    assert await wire.say(f"kill web {signal} all=yes") == "+ jail=web signal=9"
    assert jails.facts("web").last_exit.signal == 9


@pytest_twisted.ensureDeferred
async def test_an_exec_process_can_be_meant(server, jails, wire):
    """exec= names one process that EXEC made."""
    assert await wire.say("exec web detach=yes -- sleep 100") == "+ jail=web exec=x1 pid=2211"
    assert await wire.say("kill web USR1 exec=x1") == "+ jail=web signal=10"
    assert jails.facts("web").pid == 2210
    assert (await wire.say("kill web exec=x1")).startswith("- NOTFOUND jail=web exec=x1 ")
    assert (await wire.say("kill web exec=x1 all=yes")).startswith("- BAD_ARG verb=kill arg=all ")


@pytest.mark.parametrize("signal", ["0", "65", "999", "KIL", "TERM;", '""'])
@pytest_twisted.ensureDeferred
async def test_what_is_no_signal(jails, wire, signal):
    """Numbers out of range and unknown names are bad arguments."""
    assert (await wire.say(f"kill web {signal}")).startswith("- BAD_ARG verb=kill arg=SIGNAL ")
