"""START over a real socket."""

from __future__ import annotations

import re

import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_a_jail_is_started_again(jails, wire):
    """START runs a jail that ended, and changes nothing where it runs."""
    jails.exit("web", 1)

    lines = [await wire.say(line) for line in ("start web", "start web wait=ready")]

    for line in lines:
        assert re.fullmatch(r"\+ jail=web phase=running ready=yes pid=2211 took_ms=\d+", line)


@pytest_twisted.ensureDeferred
async def test_errors_name_the_argument(jails, wire):
    """A key that is not known, one given twice, and a wrong value are told by name, with the nearest."""
    assert await wire.say("start web wiat=none") == (
        '- BAD_ARG verb=start arg=wiat msg="start knows no key \\"wiat\\"; did you mean \\"wait\\"?"'
    )
    assert await wire.say("start web wait=none wait=none") == '- BAD_ARG arg=wait msg="the key wait is given twice"'
    assert (await wire.say("start web wait=soon")).startswith("- BAD_ARG verb=start arg=wait ")
    assert (await wire.say("start web now")).startswith("- BAD_ARG verb=start arg=now ")
    assert (await wire.say("start web timeout=nan")).startswith("- BAD_ARG verb=start arg=timeout ")
    assert (await wire.say("start nothing wait=none")).startswith("- NOJAIL jail=nothing ")
    assert (await wire.say("start nothing")).startswith("- NOJAIL jail=nothing ")
