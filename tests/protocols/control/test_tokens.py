"""Tests for :mod:`runjd.protocols.control.tokens`."""

from __future__ import annotations

import pytest

from runjd.errors import BadArgument, SyntaxFault
from runjd.protocols.control.tokens import format_fields, is_key, parse_arguments


@pytest.mark.parametrize(
    ("line", "words", "options"),
    [
        ("", (), {}),
        ("  a   b ", ("a", "b"), {}),
        (r'"a \"b\" \\ \n\t" k="x y" l= m=a=b', ('a "b" \\ \n\t',), {"k": "x y", "l": "", "m": "a=b"}),
        (r'"\xc3\xa9" "\xff"', ("é", "\udcff"), {}),
        ('"k=v" "--" k2=v', ("k=v", "--"), {"k2": "v"}),
        ("web -- env FOO=bar k=v -- --", ("web", "env", "FOO=bar", "k=v", "--", "--"), {}),
        ("FOO=bar =x 1=2 -n", ("FOO=bar", "=x", "1=2", "-n"), {}),
        ("a\\b it's k=\\n", ("a\\b", "it's"), {"k": "\\n"}),
        ('""', ("",), {}),
    ],
)
def test_reading(line: str, words: tuple[str, ...], options: dict[str, str]) -> None:
    """Spaces separate; a quoted token is a word; behind -- all is; a bare word is literal."""
    assert parse_arguments(line) == (words, options)


@pytest.mark.parametrize(
    "line",
    [
        '"',
        '"a',
        '"a\\"',
        '"a"b',
        'a"b"',
        'K="a"',
        'k=a"b"',
        '-- k="a"',
        r'"\q"',
        r'"\x4"',
        r'"\x00"',
        r'"\xzz"',
        r'"\x+1"',
        "a\tb",
    ],
)
def test_what_cannot_be_read_is_a_syntax_error(line: str) -> None:
    """Open quotes, unknown escapes, quotes inside words and stray TABs are refused."""
    with pytest.raises(SyntaxFault):
        parse_arguments(line)


def test_a_key_given_twice_is_refused_by_name() -> None:
    """A repeated key is a bad argument that is named."""
    with pytest.raises(BadArgument) as caught:
        parse_arguments('a=1 b=2 a="3"')
    assert caught.value.details == {"arg": "a"}


def test_plain_values_stay_readable() -> None:
    """What needs no quotes gets none."""
    assert format_fields(
        [("jail", "web"), ("up", "86411.2"), ("last", "2026-11-23T15:01:20.114Z"), ("cmd", "é/x=1")]
    ) == ("jail=web up=86411.2 last=2026-11-23T15:01:20.114Z cmd=é/x=1")
    assert format_fields([("msg", 'no "x"\n\x1b\x9b\u202e')]) == r'msg="no \"x\"\n\x1b\xc2\x9b\xe2\x80\xae"'


@pytest.mark.parametrize(
    ("text", "expected"), [("a", True), ("a0_.-", True), ("", False), ("A", False), ("0a", False), ("aé", False)]
)
def test_keys(text: str, expected: bool) -> None:
    """A key is a lower-case letter and then letters, digits, _ . and -."""
    assert is_key(text) is expected
