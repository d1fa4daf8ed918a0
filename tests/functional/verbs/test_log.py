"""LOG over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted

from runjd.policy.access import Rule, Subject
from runjd.policy.facts import LogLine

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
        "+3 lines=2 next=1:5",
    ]
    assert (await wire.reply("log web lines=all"))[-1] == "+ lines=5 next=1:5"
    assert (await wire.reply("log web"))[-1] == "+ lines=5 next=1:5"
    assert await wire.reply("log web lines=0") == ["+ lines=0 next=1:5"]


@pytest_twisted.ensureDeferred
async def test_lines_since_a_position(jails, log, wire):
    """since= takes the next= of an earlier reply."""
    assert await wire.reply("log web since=1:5") == ["+ lines=0 next=1:5"]
    jails.output("web", b"more\n", "err")
    assert await wire.reply("log web since=1:5") == [f"| F {AT} err more", "+ lines=1 next=1:6"]
    assert (await wire.say("log web since=1:99")).startswith("- BAD_ARG verb=log arg=since ")
    assert (await wire.reply("log web since=1:1 lines=1"))[0] == f"| F {AT} err more"


@pytest_twisted.ensureDeferred
async def test_lines_since_and_until_a_time(server, jails, wire):
    """A time of RFC 3339 in any zone, or an age; the first time is part of it, the last is not."""
    log = jails.log("web")
    for minute in range(5):
        log.lines.append(LogLine(f"2025-11-23T15:{minute:02d}:00.000000000Z", "out", False, b"%d" % minute))
    server.now = 1_763_910_300.0  # 15:05:00

    async def shown(query: str) -> str:
        return " ".join(line.split()[-1] for line in (await wire.reply(f"log web {query}"))[:-1])

    assert await shown("since=2025-11-23T15:03:00Z") == "3 4"
    assert await shown("since=2025-11-23T16:02:30+01:00") == "3 4"
    assert await shown("until=2025-11-23T15:02:00.000Z") == "0 1"
    assert await shown("until=2025-11-23T15:02:00Z lines=1") == "1"
    assert await shown("since=2m") == "3 4"
    assert await shown("since=200s until=1m") == "2 3"


@pytest_twisted.ensureDeferred
async def test_one_stream(jails, log, wire):
    """stream= shows one of them, and lines= counts in it."""
    jails.output("web", b"oops\n", "err")
    jails.output("web", b"more\n")

    assert await wire.reply("log web stream=err") == [f"| F {AT} err oops", "+ lines=1 next=1:7"]
    assert (await wire.reply("log web stream=out lines=2"))[:2] == [f"| F {AT} out line 4", f"| F {AT} out more"]


@pytest.mark.parametrize("key", ["since=yesterday", "since=1:x", "until=1:5", "since=5w", "stream=both", "lines=-1"])
@pytest_twisted.ensureDeferred
async def test_bad_places(jails, wire, key):
    """What is neither place, time nor age is refused by name."""
    assert (await wire.say(f"log web {key}")).startswith(f"- BAD_ARG verb=log arg={key.partition('=')[0]} ")


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
    assert last == "+ lines=1 next=1:1"


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
async def test_a_follow_ends_with_the_permission(server, jails, log, wire):
    """Also one that has begun; a change that allows it ends nothing."""
    wire.send("9 log web lines=1 follow=yes")
    assert await wire.line() == f"|9 F {AT} out line 4"
    everybody = (Subject("anybody"),)
    server.guard.take((Rule("access[0]", everybody, "observer"),))
    jails.output("web", b"new\n")
    assert await wire.line() == f"|9 F {AT} out new"

    jails.output("web", b"newer\n")
    server.guard.take((Rule("access[0]", everybody, "observer", jails=("other",)),))

    found = [await wire.line()]
    while not found[-1].startswith("-9"):
        found.append(await wire.line())
    assert found[-1].startswith("-9 CANCELLED ")
    assert (await wire.say("log web")).startswith("- DENIED ")


@pytest_twisted.ensureDeferred
async def test_follow_needs_a_tag(log, wire):
    """Without a tag a follow could not be cancelled."""
    assert (await wire.say("log web follow=yes")).startswith("- BAD_ARG verb=log arg=follow ")
    assert (await wire.say("1 log web follow=yes until=1m")).startswith("-1 BAD_ARG verb=log arg=until ")


@pytest_twisted.ensureDeferred
async def test_a_large_log_is_pulled_through(jails, wire):
    """A log far larger than any buffer comes whole."""
    jails.output("web", b"".join(b"%06d %s\n" % (number, b"y" * 90) for number in range(20_000)))

    *lines, last = await wire.reply("log web lines=all")

    assert last == "+ lines=20000 next=1:20000"
    assert [int(line.split()[4]) for line in lines] == list(range(20_000))
