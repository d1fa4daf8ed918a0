"""Tests for :mod:`runjd.protocols.control.reply`."""

from __future__ import annotations

import pytest

from runjd.errors import NoSuchJail, SyntaxFault
from runjd.protocols.control.lines import MAX_LINE, decode_line
from runjd.protocols.control.reply import (
    Announcement,
    Comment,
    Failure,
    Record,
    Success,
    Text,
    format_comment,
    format_failure,
    format_record,
    format_text,
    parse_reply,
)


def parsed(line: bytes) -> object:
    """Return the value of a line as it was sent."""
    assert line.endswith(b"\n")
    assert len(line) <= MAX_LINE
    text = decode_line(line[:-1])
    assert isinstance(text, str)
    return parse_reply(text)


def test_plain_text_fills_its_lines() -> None:
    """A megabyte of letters takes no more lines than it must."""
    lines = format_text("", "é".encode() * 500_000)
    assert len(lines) == 1_000_000 // 8186 + 1


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("+ n=2", Success("", {"n": "2"})),
        ("+", Success("", {})),
        ("-? TOOLONG", Failure("?", "TOOLONG", {}, "")),
        ('- NOJAIL jail=w msg="no \\"w\\""', Failure("", "NOJAIL", {"jail": "w"}, 'no "w"')),
        ("*12 jail=db", Record("12", {"jail": "db"})),
        ("|3 F a\\\\b\\x1b[1m\t", Text("3", more=False, data=b"a\\b\x1b[1m\t")),
        ("|3 P ", Text("3", more=True, data=b"")),
        ("! 0 ev=hello proto=1", Announcement(0, {"ev": "hello", "proto": "1"})),
        ("# hi", Comment("hi")),
        ("#", Comment("")),
    ],
)
def test_reading(line: str, value: object) -> None:
    """The first byte is the type, then the tag, then a space."""
    assert parse_reply(line) == value


@pytest.mark.parametrize(
    "line", ["", "x", "+a n=1", "!1 2 ev=x", "! x", "| X a", "|", "-", "- ", "|3 F \\q", "|3 F \\x1", "|3 F \\"]
)
def test_what_is_not_of_the_protocol_is_refused(line: str) -> None:
    """An unknown first byte, and lines that break their form, are errors."""
    with pytest.raises(SyntaxFault):
        parse_reply(line)


def test_a_line_is_never_too_long() -> None:
    """Values that do not fit are shortened, and say so."""
    line = format_failure("1", NoSuchJail("w\x1b" * 5000))
    failure = parsed(line)
    assert isinstance(failure, Failure)
    assert failure.message.endswith("...")
    assert failure.code == "NOJAIL"
    assert len(format_record("1", [(f"key{number}", "value") for number in range(5000)])) <= MAX_LINE


def test_comments() -> None:
    """A comment is one line whatever its text."""
    assert format_comment("a\nb") == b"# a\\x0ab\n"
    assert parsed(format_comment("x" * 10_000)) == Comment("x" * (MAX_LINE // 5))
