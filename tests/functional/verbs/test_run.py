"""RUN over a real socket."""

from __future__ import annotations

import re

import pytest_twisted

from runjd.errors import RuntimeFailure
from runjd.policy.facts import Definition


@pytest_twisted.ensureDeferred
async def test_a_jail_is_defined_and_started(server, wire):
    """RUN answers once the program was executed; all keys reach the definition."""
    line = await wire.say("run web /srv/web runtime=memory stdin=yes rm=yes rows=24 cols=80")

    assert re.fullmatch(r"\+ jail=web phase=running ready=yes pid=2210 took_ms=\d+", line)
    definition = server.jails.facts("web").definition
    assert definition == Definition("web", "/srv/web", "memory", True, (24, 80), True)


@pytest_twisted.ensureDeferred
async def test_wait_says_until_when(server, wire):
    """With wait=none the answer comes at once, with wait=stopped when the program has ended."""
    server.jails.start_delay = 0.02

    assert await wire.say("run a /a wait=none") == "+ jail=a"
    wire.send("run b /b wait=stopped")
    await server.until(lambda: any(each.id == "b" and each.pid for each in server.jails.jails()))
    server.jails.exit("b", 3)
    assert (await wire.line()).startswith("+ jail=b phase=idle ready=no exit=3 took_ms=")


@pytest_twisted.ensureDeferred
async def test_the_time_limit_ends_the_waiting_only(server, wire):
    """After timeout= the answer is TIMEOUT; the start goes on."""
    server.jails.start_delay = 0.05

    line = await wire.say("run web /w timeout=0.01")

    assert line == '- TIMEOUT msg="run of web took longer than 0.01 seconds; it goes on"'
    await server.until(lambda: server.jails.facts("web").pid)


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_run(server, wire):
    """Wrong arguments, taken ids and failures of the runtime are told by name."""
    assert (await wire.say("run web bundle")).startswith("- BAD_ARG verb=run arg=BUNDLE ")
    assert (await wire.say("run web")).startswith("- BAD_ARG verb=run arg=BUNDLE ")
    assert (await wire.say('run "../x" /w')).startswith("- BAD_ARG verb=run arg=ID ")
    assert (await wire.say("run web /w runtime=memry")).startswith("- BAD_ARG verb=run arg=runtime ")
    assert (await wire.say("run web /w rows=1")).startswith("- BAD_ARG verb=run arg=cols ")
    assert (await wire.say("run web /w rows=0 cols=65535")).startswith("- BAD_ARG verb=run arg=rows ")
    assert (await wire.say("run web /w stdin=maybe")).startswith("- BAD_ARG verb=run arg=stdin ")
    server.jails.next_start_error = RuntimeFailure("mount /proc", "no such device", "mounts[0]", 19)
    assert await wire.say("run web /w") == (
        '- OCI step="mount /proc" path=mounts[0] errno=19 msg="mounts[0]: mount /proc: no such device"'
    )
    assert (await wire.say("run web /w")).startswith("+ jail=web ")
    assert (await wire.say("run web /w")).startswith("- EXISTS jail=web ")


@pytest_twisted.ensureDeferred
async def test_with_a_mode_the_jail_is_shown_from_its_start(server, wire):
    """RUN mode=frame turns the connection into frames, down to the exit."""
    assert await wire.say("run job /j stdin=yes mode=frame") == (
        "+ jail=job pid=2210 mode=frame tty=no session=1 input=yes"
    )

    wire.send(b"I 5\nhello")
    assert await wire.bytes(9) == b"O 5\nhello"
    wire.send(b"I 6\nexit 4")
    assert await wire.end() == b"X 6\nexit=4"


@pytest_twisted.ensureDeferred
async def test_a_mode_does_not_go_with_waiting(wire):
    """RUN mode= wait= is a bad argument."""
    assert (await wire.say("run job /j mode=raw wait=none")).startswith("- BAD_ARG verb=run arg=wait ")
