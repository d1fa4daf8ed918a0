"""
What a regular expression costs on a line that somebody else writes.

A line is searched in the reactor, by a pattern of the administrator's, and the jail says
what the line is: what counts is the worst line.  The steps of a search that goes back
are bounded from above, often by far: some patterns are refused that would do.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

#: bytes of a line that are looked at
LINE_MAX = 512
#: steps that the worst line may cost; a step is a few nanoseconds
STEPS_MAX = 5_000_000

_parser: Any = re._parser  # type: ignore[attr-defined]
_compiler: Any = re._compiler  # type: ignore[attr-defined]
_GREEDY = ("MAX_REPEAT", "MIN_REPEAT")
_REPEATS = (*_GREEDY, "POSSESSIVE_REPEAT")
_SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
#: how much longer a step takes that is not of the simple ones
_SLOW = 4
#: flags of a part, which its items do not tell
_SCOPED = re.compile(r"\(\?[aiLmsux-]+:")
#: where two classes of characters have any in common, they have one of these
_SAMPLE = "".join(map(chr, range(0x3000)))


def check_cost(pattern: str) -> None:
    """:raise ValueError: a line can cost too much. :raise re.error: it is no pattern."""
    parsed = _parser.parse(pattern)
    if _is_nested(parsed, False):
        raise ValueError("it repeats without limit what itself repeats without limit")
    weight = _SLOW if _is_slow(parsed) else 1
    if not steps_of(pattern) * weight <= STEPS_MAX:
        raise ValueError(f"a line of {LINE_MAX} bytes can cost too much; use fewer of .* and the like")


def steps_of(pattern: str, size: int = LINE_MAX) -> float:
    """Return how many steps it takes at most to search a line of so many characters."""
    parsed = _parser.parse(pattern)
    items = list(_flat(parsed))
    if _begins_anywhere(items):
        return _sequence(parsed, items, size, 1.0, 0)[1]
    if items and _name(items[0]) == "AT" and str(items[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return size + _sequence(parsed, items, size, 1.0, 0)[1]
    # A search tries each place, which is as a repeat in front.
    anything = (_parser.MAX_REPEAT, (0, _parser.MAXREPEAT, [(_parser.ANY, None)]))
    return _sequence(parsed, [anything, *items], size, 1.0, 0)[1]


def begins_anywhere(pattern: str) -> bool:
    """Whether it begins with ``.*`` or ``.+``: within a line, to try its start is enough."""
    return _begins_anywhere(list(_flat(_parser.parse(pattern))))


# --- inside --------------------------------------------------------------------------


def _begins_anywhere(items: Sequence[Any]) -> bool:
    if not items or _name(items[0]) not in _GREEDY:
        return False
    low, high, what = items[0][1]
    return low <= 1 and high == _parser.MAXREPEAT and [_name(item) for item in what] == ["ANY"]


def _name(item: Any) -> str:
    return str(item[0])


def _flat(items: Any) -> Iterator[Any]:
    """Yield the items of a sequence and of the groups in it."""
    for item in items:
        if _name(item) == "SUBPATTERN":
            yield from _flat(item[1][-1])
        else:
            yield item


def _parts(item: Any) -> list[Any]:
    """Return the sequences in an item."""
    name, value = _name(item), item[1]
    if name == "BRANCH":
        return list(value[1])
    if name == "GROUPREF_EXISTS":
        return [part for part in value[1:] if part is not None]
    if name == "ATOMIC_GROUP":
        return [value]
    if name in ("SUBPATTERN", "ASSERT", "ASSERT_NOT", *_REPEATS):
        return [value[-1]]
    return []


def _is_slow(parsed: Any) -> bool:
    """Whether case is ignored, or anything repeated as seldom as can be."""
    is_caseless = parsed.state.flags & re.IGNORECASE or _SCOPED.search(parsed.state.str)
    return bool(is_caseless) or "MIN_REPEAT" in repr(parsed)


def _is_nested(items: Any, is_within: bool) -> bool:
    """Whether a repeat without limit is within another."""
    for item in items:
        is_endless = _name(item) in _REPEATS and item[1][1] == _parser.MAXREPEAT
        if is_within and is_endless:
            return True
        if any(_is_nested(part, is_within or is_endless) for part in _parts(item)):
            return True
    return False


def _sequence(parsed: Any, items: Sequence[Any], size: int, ways: float, spreads: int) -> tuple[float, float]:
    """
    Return the ways in which a sequence can match from one place, and the steps to try all.

    The ends of the repeats are in order, so that of n repeats the ways are divided by n!.
    """
    steps = 0.0
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        its_ways, its_steps = _cost(parsed, item, size)
        if _name(item) not in _GREEDY or item[1][1] < size or its_ways > size + 1:
            steps += ways * its_steps
            ways *= its_ways
            continue
        if at < len(items) and _are_disjoint(parsed, item[1][2], items[at]):
            steps += ways * ((its_steps + its_ways) / (spreads + 1) + 1)
            continue
        spreads += 1
        # The item itself is tried in one go; each of its ends is a way.
        steps += ways * (its_steps / spreads + 1)
        its_ways = its_ways / spreads + 1
        word = ""
        while at < len(items) and _name(items[at]) == "LITERAL":
            word += chr(items[at][1])
            at += 1
        for period in _periods(word.lower()):
            steps += ways * its_ways
            its_ways = min(its_ways, (size / period + 1) / spreads + 1)
        ways *= its_ways
    return ways, steps


def _cost(parsed: Any, item: Any, size: int) -> tuple[float, float]:
    """Return the ways in which an item can match at one place, and the steps to try all."""
    name = _name(item)
    if name == "GROUPREF":
        return 1.0, float(size)
    parts = _parts(item)
    costs = [_sequence(parsed, list(_flat(part)), size, 1.0, 0) for part in parts]
    if name in _REPEATS:
        low, high, what = item[1]
        ways, steps = _repeat(*costs[0], low, high, size, what.getwidth()[0] if hasattr(what, "getwidth") else 1)
        return (1.0 if name == "POSSESSIVE_REPEAT" else ways), steps
    if not parts:
        return 1.0, 1.0
    steps = 1 + sum(cost for _, cost in costs)
    if name in ("ASSERT", "ASSERT_NOT", "ATOMIC_GROUP"):
        return 1.0, steps
    each = [ways for ways, _ in costs]
    if name == "BRANCH" and _are_apart(parts):
        return max(each), steps
    return sum(each) + (name == "GROUPREF_EXISTS"), steps


def _repeat(ways: float, steps: float, low: int, high: int, size: int, width: int) -> tuple[float, float]:
    most = min(high, size // max(width, 1)) if width or high == _parser.MAXREPEAT else high
    most = min(most, STEPS_MAX + 1)
    if most == 0:
        return 1.0, 1.0
    if ways <= 1:
        return float(max(most - min(low, most), 0) + 1), most * steps + 1
    if most > 64 or ways > 10_000:
        return float("inf"), float("inf")
    total = sum(ways**count for count in range(most + 1))
    return total, total * steps * _SLOW + 1


def _are_apart(parts: Sequence[Any]) -> bool:
    """Whether alternatives begin with letters that differ, so that one at most can match."""
    firsts = [next(_flat(part), None) for part in parts]
    if any(first is None or _name(first) != "LITERAL" for first in firsts):
        return False
    letters = {chr(first[1]).casefold() for first in firsts if first is not None}
    return len(letters) == len(parts)


def _are_disjoint(parsed: Any, repeated: Any, then: Any) -> bool:
    """Whether a repeat of single characters ends in one place only: what comes then is none of them."""
    if _name(then) in _REPEATS and then[1][0] > 0 and len(then[1][2]) == 1:
        then = then[1][2][0]
    if len(repeated) != 1 or any(_name(each) not in _SINGLE for each in (repeated[0], then)):
        return False
    if _SCOPED.search(parsed.state.str) or any(letter >= _SAMPLE[-1] for letter in parsed.state.str):
        return False
    both = [(_parser.ASSERT, (1, _parser.SubPattern(parsed.state, list(repeated)))), then]
    return _compiler.compile(_parser.SubPattern(parsed.state, both)).search(_SAMPLE) is None


def _periods(word: str) -> Iterator[int]:
    """Yield, of each beginning of a word, how far apart it can be found at least."""
    fail = [0]
    for at, letter in enumerate(word):
        if at:
            known = fail[-1]
            while known and word[known] != letter:
                known = fail[known - 1]
            fail.append(known + (word[known] == letter))
        yield at + 1 - fail[at]
