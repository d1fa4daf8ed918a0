"""Tests for :mod:`runjd.protocols.control.verbs.arguments` and :mod:`runjd.protocols.control.verbs.values`."""

from __future__ import annotations

import pytest

from runjd.errors import BadArgument
from runjd.protocols.control.request import parse_request
from runjd.protocols.control.verbs.arguments import Argument, Arguments, check_arguments, did_you_mean
from runjd.protocols.control.verbs.values import (
    absolute_path,
    anything,
    log_lines,
    number,
    one_of,
    place,
    seconds,
    side,
    something,
    tag,
    user,
    variable,
    word_list,
    yes,
)

ID = Argument("ID", something, is_required=True)
REST = Argument("REST", anything, is_repeated=True)
SIDE = Argument("rows", side, "N")
ENV = Argument("env", variable, "NAME=VALUE", is_repeated=True)


def check(line: str, words=(ID, REST), keys=(SIDE, ENV)) -> Arguments:
    """Return the arguments of a line."""
    return check_arguments("TEST", words, keys, parse_request(line))


def test_words_and_keys():
    """Words are taken in their order, keys by name, numbered keys by number."""
    found = check("test web a b rows=5 env.10=B=2 env.9=A=1")

    assert found.need(ID) == "web"
    assert found.all(REST) == ["a", "b"]
    assert found.get(SIDE) == 5
    assert found.all(ENV) == ["A=1", "B=2"]


def test_what_is_not_given_has_its_default():
    """Without a default it is None."""
    found = check("test web")

    assert found.get(SIDE) is None
    assert found.get(SIDE, 24) == 24
    assert found.all(REST) == ()


@pytest.mark.parametrize(
    ("line", "arg", "message"),
    [
        ("test", "ID", "test needs ID"),
        ('test ""', "ID", 'test: ID must not be empty, not ""'),
        ("test web rows=x", "rows", 'test: rows must be a number from 1 to 9999, not "x"'),
        ("test web row=1", "row", 'test knows no key "row"; did you mean "rows"?'),
        ("test web env=A=1", "env", 'test knows no key "env"; did you mean "env.1"?'),
        ("test web env.x=A=1", "env.x", 'test knows no key "env.x"; did you mean "env.1"?'),
        ("test web rows.1=1", "rows.1", 'test knows no key "rows.1"; did you mean "rows"?'),
        ("test web env.1=A", "env.1", 'test: env.1 must be NAME=value, not "A"'),
    ],
)
def test_errors_name_verb_and_argument(line, arg, message):
    """What is wrong is said with the verb, the argument and the value."""
    with pytest.raises(BadArgument) as caught:
        check(line)
    assert caught.value.details == {"verb": "test", "arg": arg}
    assert caught.value.message == message


def test_too_many_words():
    """A word that the verb does not take is named."""
    with pytest.raises(BadArgument, match='test takes no such argument: "b"'):
        check("test a b", words=(ID,))


def test_a_hint_only_where_something_is_near():
    """Far-fetched names are not guessed."""
    assert did_you_mean("statsu", ["status", "stop"]) == '; did you mean "status"?'
    assert did_you_mean("xyz", ["status", "stop"]) == ""


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (absolute_path, "/a b", "/a b"),
        (yes, "yes", True),
        (yes, "no", False),
        (one_of("a", "b"), "b", "b"),
        (number(0, 9), "09", 9),
        (seconds, "30", 30.0),
        (seconds, "0.5", 0.5),
        (log_lines, "all", -1),
        (log_lines, "0", 0),
        (tag, "007", "007"),
        (user, "1001", (1001, None)),
        (user, "0:5", (0, 5)),
        (variable, "A=", "A="),
        (word_list, "a,b,a", frozenset("ab")),
        (place, "7f:3:12", ("7f:3", 12)),
    ],
)
def test_values(parse, text, value):
    """What is right is converted."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (absolute_path, "a"),
        (absolute_path, ""),
        (yes, "YES"),
        (one_of("a"), "b"),
        (number(0, 9), "10"),
        (number(0, 9), "-1"),
        (number(0, 9), "٣"),
        (number(0, 9), "1" * 5000),
        (seconds, "nan"),
        (seconds, "1e9"),
        (seconds, "-1"),
        (seconds, ".5"),
        (seconds, "5."),
        (seconds, ""),
        (seconds, "1" * 19),
        (log_lines, "some"),
        (tag, "1234567890"),
        (tag, ""),
        (user, "root"),
        (user, ""),
        (user, "1:2:3"),
        (user, "4294967295"),
        (variable, "A"),
        (variable, "=x"),
        (word_list, "a,"),
        (place, "7f"),
        (place, ":1"),
        (place, "7f:x"),
    ],
)
def test_wrong_values(parse, text):
    """What is wrong raises ValueError, which says what is right."""
    with pytest.raises(ValueError, match=r"^must be|^must not"):
        parse(text)
