"""Flags as Go reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.shim.flags import Flags, parse
from runjd.errors import BadArgument

NAMES = st.sampled_from(["namespace", "id", "address", "bundle", "socket"])
WORDS = st.lists(st.text(min_size=1).filter(lambda word: word[0] != "-"), max_size=3)


@given(st.dictionaries(NAMES, st.text()), st.booleans(), st.data(), WORDS)
def test_flags_are_read_in_each_way_they_may_be_written(values, is_debugging, data, words):
    """One dash or two, the value behind a sign or as the next word, also where it begins with a dash itself."""
    arguments = ["-debug"] * is_debugging
    for name, value in values.items():
        dash = data.draw(st.sampled_from(["-", "--"]))
        arguments += [f"{dash}{name}={value}"] if data.draw(st.booleans()) else [f"{dash}{name}", value]

    assert parse([*arguments, *words]) == Flags(values, frozenset(["debug"] * is_debugging), tuple(words))


def test_the_last_value_counts_and_switches_may_be_false():
    """As with Go; what comes behind the first word is words."""
    given = parse(["-id", "a", "-id=b", "-debug=false", "--v=T", "--", "-start", "-id"])

    assert given == Flags({"id": "b"}, frozenset(["v"]), ("-start", "-id"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-nonsense"], "no flag -nonsense"),
        (["-id"], "-id needs a value"),
        (["-debug=perhaps"], "-debug is true or false, not perhaps"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, words):
    """With the name of the flag."""
    with pytest.raises(BadArgument, match=words):
        parse(arguments)


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_words_are_flags_or_refused(arguments):
    """Nothing else is raised."""
    try:
        parse(arguments)
    except BadArgument:
        pass


def test_a_flag_that_is_needed_is_named():
    """Where it was not given, and where it is empty."""
    with pytest.raises(BadArgument, match="-id was not given"):
        parse(["-id="]).value("id")
