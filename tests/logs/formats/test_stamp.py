"""The time of a record."""

import pytest

from runjd.logs.formats.stamp import is_stamp, stamp

AT = b"2026-11-23T15:01:20.102113000Z"


def test_a_stamp_is_utc_with_nanoseconds():
    """A stamp is RFC 3339 in UTC with nine digits of a second."""
    assert stamp(1795446080.102113) == AT


@pytest.mark.parametrize("seconds", [0.0, 1795446080.9999999, 1795446079.9999996])
def test_a_stamp_never_has_more_than_nine_digits(seconds):
    """Rounding up to a whole second does not overflow the fraction."""
    assert len(stamp(seconds)) == len(AT)
    assert is_stamp(stamp(seconds))


@pytest.mark.parametrize("text", [b"", b"-", b"2026-11-23", b"\xff" * 30, b"2026-11-23 15:01:20Z"])
def test_words_are_no_stamp(text):
    """What begins a line of a program is not taken for a time."""
    assert not is_stamp(text)
