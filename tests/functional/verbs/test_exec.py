"""EXEC over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted


@pytest_twisted.ensureDeferred
async def test_frames_down_to_the_exit(jails, wire):
    """EXEC mode=frame carries input, output and the exit."""
    assert await wire.say("exec web mode=frame stdin=yes -- /bin/cat -n") == (
        "+ jail=web exec=x1 pid=2211 mode=frame tty=no session=1 input=yes"
    )
    wire.send(b"I 3\nabc")
    assert await wire.bytes(7) == b"O 3\nabc"
    wire.send(b"I 0\n")
    assert await wire.end() == b"X 6\nexit=0"


@pytest_twisted.ensureDeferred
async def test_raw_and_the_half_close(jails, wire):
    """In raw mode the client's half-close ends the program's input: a shell can pipe through nc."""
    wire.send(b"exec web stdin=yes -- cat\nthrough\n")
    wire.send_end()

    assert (await wire.end()).endswith(b"input=yes\nthrough\n")


@pytest_twisted.ensureDeferred
async def test_detached(jails, wire):
    """detach=yes leaves the connection to requests."""
    assert await wire.say("exec web detach=yes -- sleep 9") == "+ jail=web exec=x1 pid=2211"
    assert (await wire.say("ping")).startswith("+ at=")


@pytest_twisted.ensureDeferred
async def test_a_paused_client_makes_the_program_wait(server, jails, wire):
    """Between P and C of an exec nothing is lost."""
    await wire.say("exec web mode=frame stdin=yes -- cat")
    wire.send(b"P 0\n")
    await server.pause(0.02)
    jails.output("web", b"x" * 1000, exec_id="x1")
    await server.pause(0.02)
    wire.send(b"C 0\n")

    assert await wire.bytes(1007) == b"O 1000\n" + b"x" * 1000


@pytest_twisted.ensureDeferred
async def test_hanging_up_a_terminal(server, jails, wire):
    """A client that vanishes hangs up the exec's terminal."""
    await wire.say("exec web tty=yes rows=5 cols=9 -- sh")
    wire.drop()

    await server.until(lambda: [event.ev for event in jails.events.since(0)[1]][-1] == "exit")


@pytest.mark.parametrize(
    ("line", "arg"),
    [
        ("exec web", "CMD"),
        ('exec web -- ""', "CMD"),
        ("exec web tty=1 -- sh", "tty"),
        ("exec web user=root -- sh", "user"),
        ("exec web user=1:2:3 -- sh", "user"),
        ("exec web cwd=tmp -- sh", "cwd"),
        ("exec web env=A=1 -- sh", "env"),
        ("exec web env.x=A=1 -- sh", "env.x"),
        ("exec web env.1=A -- sh", "env.1"),
        ("exec web detach=yes mode=raw -- sh", "mode"),
        ("exec web rows=5 -- sh", "cols"),
        ("exec web mode=cooked -- sh", "mode"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_bad_arguments(jails, wire, line, arg):
    """Every argument is checked before anything runs, and named."""
    assert (await wire.say(line)).startswith(f"- BAD_ARG verb=exec arg={arg} ")
    assert (await wire.say("ping")).startswith("+")


@pytest_twisted.ensureDeferred
async def test_what_cannot_run(jails, wire):
    """No jail, no such program, and no running jail are told, and the connection goes on."""
    assert (await wire.say("exec nothing -- sh")).startswith("- NOJAIL jail=nothing ")
    assert (await wire.say("exec web -- bin/sh")).startswith("- NOTFOUND jail=web ")
    jails.exit("web", 0)
    assert (await wire.say("exec web -- sh")).startswith("- STATE jail=web ")
