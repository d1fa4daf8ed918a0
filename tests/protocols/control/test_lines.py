"""Tests for :mod:`runjd.protocols.control.lines`."""

from __future__ import annotations

import pytest

from runjd.errors import RunjdError
from runjd.protocols.control.lines import MAX_LINE, LineReader, decode_line


def read(pieces: list[bytes], max_line: int = 16) -> list[str]:
    """Return lines, and errors by their code, of a connection that sent the pieces and closed."""
    reader = LineReader(max_line)
    found: list[str | RunjdError] = []
    for piece in pieces:
        reader.feed(piece)
        found.extend(reader.lines())
        assert reader.pending < max_line
    if (last := reader.finish()) is not None:
        found.append(last)
    return [line if isinstance(line, str) else f"<{line.code}>" for line in found]


def test_lines_end_in_line_feed_and_may_have_one_carriage_return() -> None:
    """LF ends a line, one CR before it is dropped, a second one is a control character."""
    assert read([b"a\nb\r\n\n\r\nc\r\r\n"]) == ["a", "b", "", "", "<SYNTAX>"]


@pytest.mark.parametrize("bad", [b"\0", b"\x1b", b"\x0b", b"a\rb", b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xc0\x80"])
def test_control_characters_and_broken_utf8_are_syntax_errors(bad: bytes) -> None:
    """A line with C0 bytes but TAB, or that is not UTF-8, is an error; the next one is read."""
    assert read([bad + b"\nok\tok \xc3\xa9\n"]) == ["<SYNTAX>", "ok\tok é"]


def test_the_limit_counts_the_line_feed() -> None:
    """A line of 8192 bytes with its LF is read, one byte more is too long and told once."""
    assert read([b"x" * (MAX_LINE - 1) + b"\n"], MAX_LINE) == ["x" * (MAX_LINE - 1)]
    assert read([b"x" * MAX_LINE + b"\nok\n"], MAX_LINE) == ["<TOOLONG>", "ok"]
    assert read([b"x" * MAX_LINE, b"y" * 100_000, b"\nok\n"], MAX_LINE) == ["<TOOLONG>", "ok"]


def test_a_line_that_never_ends_takes_no_memory() -> None:
    """Of an overlong line nothing is kept while its end is awaited."""
    reader = LineReader()
    for _ in range(100):
        reader.feed(b"x" * 65536)
        list(reader.lines())
        assert reader.pending == 0
    assert reader.finish() is None


def test_half_a_line_at_the_end_is_an_error() -> None:
    """A last line without its line feed is never carried out."""
    assert read([b"status\ndelete we"]) == ["status", "<SYNTAX>"]


def test_the_rest_can_be_taken_over() -> None:
    """What follows a line can be taken as bytes, when the connection becomes a stream."""
    reader = LineReader()
    reader.feed(b"attach web\n\xff\0raw\n")
    assert reader.next_line() == "attach web"
    assert reader.take_rest() == b"\xff\0raw\n"
    assert reader.next_line() is None


def test_a_good_line_is_its_text() -> None:
    """DEL and C1 characters are no C0, so a line may hold them."""
    assert decode_line(b"a\x7f\xc2\x9b\r") == "a\x7f\x9b"
