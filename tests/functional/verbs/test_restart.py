"""RESTART over a real socket."""

from __future__ import annotations

import re

import pytest
import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_restart_gives_a_new_process(jails, wire):
    """RESTART stops and starts, and answers when it runs again."""
    line = await wire.say("2 restart web wait=ready timeout=30")

    assert re.fullmatch(r"\+2 jail=web phase=running ready=yes pid=2211 took_ms=\d+", line)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("verb", ["restart", "try-restart"])
async def test_a_program_that_survives_its_signal_is_told(jails, wire, verb):
    """It had to be killed after grace= seconds, which whoever restarts it waited for."""
    jails.ignores_term = True

    answer = await wire.say(f"{verb} web grace=0.02")

    assert ' notice="web was killed, as SIGTERM did not end it within 0.02 s; ' in answer


@pytest_twisted.ensureDeferred
async def test_an_earlier_kill_is_not_told_again(jails, wire):
    """Only that of the run which was to be stopped."""
    jails.ignores_term = True
    await wire.say("stop web grace=0.02")

    assert "notice=" not in await wire.say("restart web grace=0.0001")


@pytest_twisted.ensureDeferred
async def test_a_kill_of_the_new_run_is_none_of_the_old(jails, wire):
    """Whoever waits for the end of the run that he started is not told that the one before had to be killed."""
    wire.send("1 restart web grace=0.000001 wait=stopped\nping")
    await wire.line()

    jails.exit("web", None, 9)

    answer = await wire.line()
    assert " signal=" in answer
    assert "notice=" not in answer
