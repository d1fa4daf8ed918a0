"""LOG over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted

AT = "2025-11-23T15:01:20.102000000Z"


@pytest.fixture
def log(jails):
    """Return a log of five lines."""
    for number in range(5):
        jails.output("web", f"line {number}\n".encode())
    return jails.log("web")


@pytest_twisted.ensureDeferred
async def test_the_last_lines(log, wire):
    """lines= tells how many; next= is where they end."""
    assert await wire.reply("3 log web lines=2") == [
        f"|3 F {AT} out line 3",
        f"|3 F {AT} out line 4",
        "+3 lines=2 next=5",
    ]
    assert (await wire.reply("log web lines=all"))[-1] == "+ lines=5 next=5"
    assert (await wire.reply("log web"))[-1] == "+ lines=5 next=5"
    assert await wire.reply("log web lines=0") == ["+ lines=0 next=5"]


@pytest_twisted.ensureDeferred
async def test_lines_since_a_position(jails, log, wire):
    """since= takes the next= of an earlier reply."""
    assert await wire.reply("log web since=5") == ["+ lines=0 next=5"]
    jails.output("web", b"more\n", "err")
    assert await wire.reply("log web since=5") == [f"| F {AT} err more", "+ lines=1 next=6"]
    assert (await wire.say("log web since=99")).startswith("- BAD_ARG verb=log arg=since ")
    assert (await wire.say("log web since=1 lines=1")).startswith("- BAD_ARG verb=log arg=lines ")


@pytest_twisted.ensureDeferred
async def test_what_is_not_printable_is_escaped(jails, wire):
    """A log cannot send escape sequences to a terminal."""
    jails.output("web", b"\x1b[2J caf\xc3\xa9 \xc3\x28 back\\slash\ttab\r\n")

    [line, _] = await wire.reply("log web")

    assert line == f"| F {AT} out \\x1b[2J café \\xc3( back\\\\slash\ttab\\x0d"


@pytest_twisted.ensureDeferred
async def test_a_long_line_comes_in_pieces(jails, wire):
    """Each piece has time and stream; all but the last say that more follows."""
    jails.output("web", b"x" * 20_000 + b"\n")

    *pieces, last = await wire.reply("log web")

    assert [piece[:3] for piece in pieces] == ["| P", "| P", "| F"]
    assert sum(piece.count("x") for piece in pieces) == 20_000
    assert all(piece[4:].startswith(f"{AT} out ") for piece in pieces)
    assert last == "+ lines=1 next=1"


@pytest_twisted.ensureDeferred
async def test_follow_goes_on_until_it_is_cancelled(server, jails, log, wire):
    """LOG follow=yes shows what comes, beside other replies, and ends by CANCEL."""
    wire.send("9 log web lines=1 follow=yes")
    assert await wire.line() == f"|9 F {AT} out line 4"
    jails.output("web", b"new\n")
    assert await wire.line() == f"|9 F {AT} out new"
    assert (await wire.say("ping")).startswith("+ at=")
    jails.output("web", b"newer\n")
    assert await wire.line() == f"|9 F {AT} out newer"

    wire.send("cancel 9")

    assert await wire.lines(2) == ['-9 CANCELLED msg="no longer waited for"', "+"]


@pytest_twisted.ensureDeferred
async def test_follow_needs_a_tag(log, wire):
    """Without a tag a follow could not be cancelled."""
    assert (await wire.say("log web follow=yes")).startswith("- BAD_ARG verb=log arg=follow ")


@pytest_twisted.ensureDeferred
async def test_a_large_log_is_pulled_through(jails, wire):
    """A log far larger than any buffer comes whole."""
    jails.output("web", b"".join(b"%06d %s\n" % (number, b"y" * 90) for number in range(20_000)))

    *lines, last = await wire.reply("log web lines=all")

    assert last == "+ lines=20000 next=20000"
    assert [int(line.split()[4]) for line in lines] == list(range(20_000))
