"""Tests of runjd.spec.ids."""

import pytest

from runjd.errors import BadArgument
from runjd.spec.ids import check_id


@pytest.mark.parametrize("text", ["a", "0", "_", "+", "web-1", "A.b_c+d-e", "a..b", "x" * 200])
def test_an_id_is_returned_as_it_is(text: str) -> None:
    """Letters, digits and a few marks make an id."""
    assert text == check_id(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the id is empty"),
        (".", 'it starts with "."'),
        ("..", 'it starts with "."'),
        (".hidden", 'it starts with "."'),
        ("-f", 'it starts with "-"'),
        ("x" * 201, "it has 201 characters"),
        ("../x", 'character 3 is "/"'),
        ("a b", 'character 2 is " "'),
        ("a\0", r'character 2 is "\u0000"'),
        ("a\n", r'character 2 is "\n"'),
        ("\x1b[2J", r'character 1 is "\u001b"'),
        ("gr\u00f6sse", 'character 3 is "ö"'),
        ("a\udc80", r'character 2 is "\udc80"'),
        ("\u0663", "character 1 is"),
        ('a"b', r'character 2 is "\""'),
    ],
)
def test_what_is_no_id_is_refused_with_the_rule(text: str, words: str) -> None:
    """The message names what is wrong, where, and what an id looks like."""
    with pytest.raises(BadArgument) as caught:
        check_id(text)
    assert words in str(caught.value)
    assert "an id is 1 to 200 of the characters a-z A-Z 0-9 _ + - ." in str(caught.value)
    assert str(caught.value).isprintable()
