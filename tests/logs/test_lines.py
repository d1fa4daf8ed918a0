"""Records out of chunks."""

import pytest

from runjd.logs.formats.table import FORMATS
from runjd.logs.lines import LineEncoder

AT = b"2026-11-23T15:01:20.102113000Z"


def encoder(limit=16_384):
    """Return an encoder of the form cri."""
    return LineEncoder(FORMATS["cri"], "out", limit)


def shown(pieces):
    """Return the records, each as its tag and its text."""
    return [record.decode().removeprefix(f"{AT.decode()} stdout ") for record in b"".join(pieces).splitlines()]


def test_an_unfinished_line_waits_for_its_rest():
    """Only whole lines are given out."""
    lines = encoder()

    assert shown(lines.feed(AT, b"one\ntw")) == ["F one"]
    assert lines.pending == b"tw"
    assert lines.feed(AT, b"o") == []
    assert shown(lines.feed(AT, b"\n")) == ["F two"]
    assert lines.pending == b""
    assert lines.feed(AT, b"") == []


def test_a_flush_gives_the_unfinished_line_once():
    """What was flushed is not kept, and its rest is a record of its own."""
    lines = encoder()
    lines.feed(AT, b"prompt> ")

    assert shown(lines.flush(AT)) == ["P prompt> "]
    assert lines.is_open
    assert lines.flush(AT) == []
    assert shown(lines.feed(AT, b"yes\n")) == ["F yes"]
    assert not lines.is_open


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"abcd\n", ["F abcd"]),
        (b"abcde\n", ["P abcd", "F e"]),
        (b"abcdefgh\n", ["P abcd", "F efgh"]),
        (b"a\nbcdefg\nh\n", ["F a", "P bcde", "F fg", "F h"]),
        (b"abcdefgh", ["P abcd", "P efgh"]),
        (b"\n\n\n\n\n\n", ["F "] * 6),
    ],
)
def test_a_line_longer_than_the_limit_is_cut(text, expected):
    """A line that is too long becomes partial records of the limit's size and the rest."""
    assert shown(encoder(4).feed(AT, text)) == expected


def test_a_line_that_is_too_long_only_with_its_beginning_is_cut():
    """What came in an earlier chunk counts."""
    lines = encoder(4)
    lines.feed(AT, b"abc")

    assert shown(lines.feed(AT, b"de\nf\n")) == ["P abcd", "F e", "F f"]


def test_a_line_that_never_ends_takes_no_memory():
    """Less than the limit is kept, whatever comes."""
    lines = encoder(1000)

    given = [record for _ in range(50) for record in shown(lines.feed(AT, b"x" * 999))]

    assert len(lines.pending) < 1000
    assert sum(len(each) - 2 for each in given) + len(lines.pending) == 999 * 50
    assert lines.is_open
