"""Tests of runjd.spec.quote."""

import pytest

from runjd.spec.quote import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", '""'),
        ("größe 1", '"größe 1"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x1b[2J\n\0", '"\\u001b[2J\\n\\u0000"'),
        ("\u202eabc", '"\\u202eabc"'),
        ("\ud800", '"\\ud800"'),
        ("x" * 61, '"' + "x" * 60 + '..."'),
        ("\U000e0001", '"\\udb40\\udc01"'),
    ],
)
def test_nothing_that_a_terminal_obeys_is_shown_as_it_is(text: str, shown: str) -> None:
    """Controls, invisible characters and quotes are escaped; long text is cut."""
    assert shown == quoted(text)
