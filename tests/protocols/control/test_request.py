"""Tests for :mod:`runjd.protocols.control.request`."""

from __future__ import annotations

import pytest

from runjd.errors import BadArgument, SyntaxFault, TooLong
from runjd.protocols.control.request import Request, format_request, is_blank, parse_request, split_tag


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("status", Request("", "STATUS", (), {})),
        (" 7   Status  web ", Request("7", "STATUS", ("web",), {})),
        ("007 ping", Request("007", "PING", (), {})),
        ("exec web tty=yes -- env FOO=bar a=b", Request("", "EXEC", ("web", "env", "FOO=bar", "a=b"), {"tty": "yes"})),
        ("try-restart web", Request("", "TRY-RESTART", ("web",), {})),
    ],
)
def test_reading(line: str, request_: Request) -> None:
    """The tag is kept as it is, verbs ignore case, behind -- all is a word."""
    assert parse_request(line) == request_


@pytest.mark.parametrize("line", ["7", "7 ", '"status"', "1234567890 status", "7 8 status", "stat%s", "é", "-x", "k=v"])
def test_no_verb_is_a_syntax_error(line: str) -> None:
    """A verb is letters; a tag has at most nine digits."""
    with pytest.raises(SyntaxFault):
        parse_request(line)


@pytest.mark.parametrize(
    ("line", "tag"),
    [("", ""), ("12 x", "12"), ("7", "7"), ('3 "', "3"), ("1234567890 x", "?"), ("a 1", ""), ("٣ x", "")],
)
def test_the_tag_of_a_line_that_cannot_be_read(line: str, tag: str) -> None:
    """An error can be answered with the tag even where the rest makes no sense."""
    assert split_tag(line)[0] == tag


def test_blank_lines() -> None:
    """Empty lines and comments ask nothing."""
    assert is_blank("")
    assert is_blank("   ")
    assert is_blank("# status")
    assert not is_blank(" # status")


def test_what_no_line_can_hold_is_refused_by_the_sender() -> None:
    """NUL, keys that are none, and requests that are too long raise before anything is sent."""
    with pytest.raises(BadArgument):
        format_request(Request("", "RUN", ("a\0b",), {}))
    with pytest.raises(BadArgument):
        format_request(Request("", "RUN", (), {"Key": "x"}))
    with pytest.raises(TooLong):
        format_request(Request("", "RUN", ("x" * 8192,), {}))
    assert parse_request(format_request(Request("", "RUN", (r"a\x00b",), {})).decode().rstrip("\n")).words == (
        r"a\x00b",
    )
