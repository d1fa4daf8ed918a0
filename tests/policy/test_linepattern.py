"""What a regular expression costs on a line that somebody else writes."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.linepattern import LINE_MAX, STEPS_MAX, begins_anywhere, check_cost, steps_of

USUAL = [
    "ready",
    "^up$",
    "listening on",
    ".*started.*listening",
    "started .* in .* seconds",
    r"Listening on .*:\d+",
    r"^\d{4}-\d\d-\d\dT\S+ (INFO|WARN) .*ready",
    r"(\d{1,3}\.){3}\d{1,3}",
    r"(\S+)\s+(\S+)\s+ready",
    r"(?i)server .* started",
    r"(?:ready|listening)+ to accept",
    r"^\[.*\] .*: ready",
]
NESTED = [r"^(\w+\s?)*ready$", "(a+)+b", r"(?:(x*)y|z)*", r"(a{2,}b)+", "((?:a*b)?c)*"]
COSTLY = [
    "a.*b.*c",
    "x*x*x*y",
    "(a|a)*b",
    "(a?){64}b",
    r"(a.*)\1x",
    "(?:){4000000000}.*x.*y.*z",
    "(.{0,500}){9}x",
    "((a{0,500}){9}){9}x",
]


@pytest.mark.parametrize("pattern", USUAL)
def test_what_people_write_is_taken(pattern):
    """A pattern as people write it is no trouble."""
    check_cost(pattern)


@pytest.mark.parametrize("pattern", NESTED)
def test_a_repeat_within_a_repeat_is_refused(pattern):
    """Both without limit: what a line costs can double with each letter."""
    with pytest.raises(ValueError, match="itself repeats without limit"):
        check_cost(pattern)


@pytest.mark.parametrize("pattern", COSTLY)
def test_what_a_line_can_make_too_slow_is_refused(pattern):
    """By too many repeats, or by alternatives that mean the same."""
    with pytest.raises(ValueError, match="a line of 512 bytes can cost too much"):
        check_cost(pattern)


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("started .* in .* seconds", "started  in "),
        (".*started.*listening", "started"),
        (r"(\S+)\s+(\S+)\s+ready", "a "),
        (r"[a-z]+\d+[a-z]+!", "a"),
        (r"^(.*) (.*) ready", " "),
    ],
)
def test_what_is_taken_is_fast(pattern, unit):
    """The line that was made for it takes a time that nobody notices."""
    check_cost(pattern)
    compiled = re.compile(pattern)
    look = compiled.match if begins_anywhere(pattern) else compiled.search
    line = (unit * LINE_MAX)[:LINE_MAX]
    began = time.thread_time()
    assert look(line) is None
    assert time.thread_time() - began < 0.1


@pytest.mark.parametrize(
    ("pattern", "does"), [(".*a", 1), (".+a", 1), (".*?a", 1), (".{2,}a", 0), (".*a|b", 0), ("a", 0)]
)
def test_where_it_is_enough_to_try_the_start(pattern, does):
    """A pattern that begins with a repeat of anything, and all of it."""
    assert begins_anywhere(pattern) == bool(does)


# A pattern is ("one", letters), ("seq", parts), ("or", parts) or ("repeat", low, high, part).
ONE = st.sampled_from(["a", "b", "ab", "bc", "c"]).map(lambda letters: ("one", letters))
TREES = st.recursive(
    ONE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: ("seq", parts)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: ("or", parts)),
        st.tuples(st.just("repeat"), st.sampled_from([0, 1]), st.sampled_from([1, 2, 99]), inner),
        st.tuples(st.just("repeat"), st.sampled_from([0, 1]), st.just(99), ONE),
    ),
    max_leaves=8,
)


def written(tree):
    """Return a tree as a regular expression."""
    kind, *rest = tree
    if kind == "one":
        return rest[0] if len(rest[0]) == 1 else f"[{rest[0]}]"
    if kind == "seq":
        return "(?:" + "".join(map(written, rest[0])) + ")"
    if kind == "or":
        return "(?:" + "|".join(map(written, rest[0])) + ")"
    low, high, part = rest
    return f"(?:{written(part)}){{{low},{'' if high == 99 else high}}}"


class Stepping:
    """Goes back through a parsed pattern as a search does, and counts each letter that is tried."""

    def __init__(self, text):
        self.text = text
        self.steps = 0

    def ends(self, item, at):
        name, value = str(item[0]), item[1]
        if name in ("LITERAL", "IN"):
            self.steps += 1
            letters = [value] if name == "LITERAL" else [letter for _, letter in value]
            if self.text[at : at + 1] and ord(self.text[at]) in letters:
                yield at + 1
        elif name == "SUBPATTERN":
            yield from self.row(list(value[-1]), at)
        elif name == "BRANCH":
            for part in value[1]:
                yield from self.row(list(part), at)
        else:
            assert name == "MAX_REPEAT"
            low, high, part = value
            yield from self.repeated(low, high, list(part), at)

    def row(self, parts, at):
        if not parts:
            yield at
            return
        for end in self.ends(parts[0], at):
            yield from self.row(parts[1:], end)

    def repeated(self, low, high, part, at):
        if high:
            for end in self.row(part, at):
                if end > at:
                    yield from self.repeated(max(low - 1, 0), high - 1, part, end)
        if not low:
            yield at


@given(TREES, st.text("abc", max_size=14) | st.integers(0, 14).map(lambda count: "a" * count))
def test_no_pattern_that_is_taken_costs_more_than_was_told(tree, text):
    """Whatever the line: the steps of a search that fails, which tries all there is, are within the bound."""
    pattern = written(tree)
    try:
        check_cost(pattern)
    except ValueError:
        return
    stepping = Stepping(text)
    for start in range(len(text) + 1):
        for _ in stepping.row(list(re._parser.parse(pattern)), start):
            pass
    assert steps_of(pattern) <= STEPS_MAX
    assert stepping.steps <= 2 * steps_of(pattern, len(text) + 1)
