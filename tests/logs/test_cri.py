"""The CRI form of a line."""

import pytest

from runjd.logs import cri
from runjd.policy.facts import LogLine

AT = b"2026-11-23T15:01:20.102113000Z"


def test_a_stamp_is_utc_with_nanoseconds():
    """A stamp is RFC 3339 in UTC with nine digits of a second."""
    assert cri.stamp(1795446080.102113) == AT


@pytest.mark.parametrize("seconds", [0.0, 1795446080.9999999, 1795446079.9999996])
def test_a_stamp_never_has_more_than_nine_digits(seconds):
    """Rounding up to a whole second does not overflow the fraction."""
    assert len(cri.stamp(seconds)) == len(AT)


def test_every_line_becomes_a_record_with_tag_f():
    """Whole lines get the tag F and the name of their stream."""
    assert cri.encode(AT, "out", b"one\n\ntwo\n") == b"%s stdout F one\n%s stdout F \n%s stdout F two\n" % (AT, AT, AT)


def test_what_has_no_newline_gets_tag_p():
    """Text behind the last newline is a partial line."""
    assert cri.encode(AT, "err", b"one\ntwo") == b"%s stderr F one\n%s stderr P two\n" % (AT, AT)


def test_nothing_becomes_nothing():
    """No text makes no record."""
    assert cri.encode(AT, "out", b"") == b""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"abcd\n", [("F", b"abcd")]),
        (b"abcde\n", [("P", b"abcd"), ("F", b"e")]),
        (b"abcdefgh\n", [("P", b"abcd"), ("F", b"efgh")]),
        (b"a\nbcdefg\nh\n", [("F", b"a"), ("P", b"bcde"), ("F", b"fg"), ("F", b"h")]),
        (b"abcdefgh", [("P", b"abcd"), ("P", b"efgh")]),
    ],
)
def test_a_line_longer_than_the_limit_is_cut(text, expected):
    """A line that is too long becomes partial records of the limit's size and the rest."""
    records = cri.encode(AT, "out", text, limit=4).splitlines()

    assert [("P" if line.partial else "F", line.text) for line in map(cri.decode, records)] == expected


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"2026-11-23T15:01:20.1",
        AT + b" stdo",
        AT + b" stdout",
        AT + b" stdout F",
        AT + b" stdin F x",
        AT + b" stdout Q x",
        b"\xff stdout F x",
    ],
)
def test_a_torn_record_comes_back_as_text_without_a_time(record):
    """What is no record is shown as it is, so that nothing is hidden."""
    assert cri.decode(record) == LogLine("-", "out", False, record)


def test_a_record_with_no_text_is_an_empty_line():
    """An empty line is a record, not a torn one."""
    assert cri.decode(AT + b" stderr F ") == LogLine(AT.decode(), "err", False, b"")
