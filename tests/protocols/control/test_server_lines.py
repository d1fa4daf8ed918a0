"""What :mod:`runjd.protocols.control.server` does with lines that cannot be read."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.protocols.control.offline import Offline


@pytest.fixture
def offline():
    """Return a connection without a socket."""
    made = Offline()
    yield made
    made.lose()


def test_blank_lines_and_comments_are_not_answered(offline):
    """A script can be pasted."""
    assert offline.say("\n\r\n# comment\n   \nping") == ["+ at=2025-11-23T15:01:20.102Z"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"\xff\xfe", '-? SYNTAX msg="byte 1 of the line is not UTF-8"'),
        (b"status\x00", '-? SYNTAX msg="the line holds a control character"'),
        (b"x" * 9000, '-? TOOLONG msg="the line is longer than 8192 bytes"'),
        (b'show "web', '- SYNTAX msg="a quoted string is not closed"'),
        (b'7 show "web', '-7 SYNTAX msg="a quoted string is not closed"'),
        (b"7", '-7 SYNTAX msg="a verb is expected: letters and -, not quoted"'),
        (b"1234567890 ping", '-? SYNTAX msg="a tag has 1 to 9 digits"'),
        (b"7 staus", '-7 UNKNOWN_VERB msg="no verb \\"staus\\"; did you mean \\"status\\"?"'),
        (b"xyzzy", '- UNKNOWN_VERB msg="no verb \\"xyzzy\\"; try help"'),
    ],
)
def test_errors_are_lines(offline, line, answer):
    """What cannot be read is answered by one line, with the tag where there is one."""
    offline.send(line + b"\n")

    assert offline.lines() == [answer]
    assert offline.say("ping") == ["+ at=2025-11-23T15:01:20.102Z"]


def test_three_unreadable_lines_in_a_row_close(offline):
    """The third gets its answer, then BYE; what follows is not read."""
    assert [line[:9] for line in offline.say("a b\nb\nping\na\nb\nc\nping")] == [
        "- UNKNOWN",
        "- UNKNOWN",
        "+ at=2025",
        "- UNKNOWN",
        "- UNKNOWN",
        "- UNKNOWN",
        "-? BYE ms",
    ]
    assert offline.socket.disconnecting


def test_wrong_arguments_do_not_close(offline):
    """Only lines that make no sense count."""
    assert len(offline.say("\n".join(["start"] * 10))) == 10
    assert not offline.socket.disconnecting


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /x HTTP/1.0", "DELETE /web HTTP/1.1"])
def test_a_browser_is_sent_away(offline, line):
    """A first line that looks like HTTP closes, so that no page can speak to us."""
    assert offline.say(f"{line}\nHost: x\n\nshutdown stop") == ['-? BYE msg="this is not HTTP"']
    assert offline.socket.disconnecting
    assert offline.jails.shutdowns == []


def test_half_a_line_at_the_end_is_an_error(offline):
    """A line without its end is never carried out."""
    offline.send(b"ping\ndelete web force=yes")
    offline.protocol.readConnectionLost()

    assert [line[:9] for line in offline.lines()] == ["+ at=2025", "-? SYNTAX"]
    assert offline.socket.disconnecting
    assert offline.jails.facts("web").pid


def test_an_overlong_line_without_end_takes_no_memory(offline):
    """It is answered once, and skipped whatever its length."""
    for _ in range(100):
        offline.send(b"x" * 65536)
    offline.send(b"\nping\n")

    assert [line[:9] for line in offline.lines()] == ["-? TOOLON", "+ at=2025"]


def test_split_at_each_byte(offline):
    """Where the packets end does not matter."""
    script = b'1 show "web"\r\nping\n# x\n2 start \xc3\xa9\nlog web lines=1\n'
    whole = Offline()
    whole.send(script)
    expected = whole.lines()
    assert len(expected) == 5
    for place in range(len(script)):
        offline.send(script[:place])
        offline.send(script[place:])
        assert offline.lines() == expected
    for byte in script:
        offline.send(bytes((byte,)))
    assert offline.lines() == expected
    whole.lose()


@pytest_twisted.ensureDeferred
async def test_an_error_waits_for_its_turn(server, wire):
    """The answers of untagged lines keep their order, errors included."""
    wire.send("wait web\nnonsense\nping")
    await server.pause(0.02)
    server.jails.exit("web", 0)

    assert [line[:9] for line in await wire.lines(3)] == ["+ jail=we", "- UNKNOWN", "+ at=2025"]
