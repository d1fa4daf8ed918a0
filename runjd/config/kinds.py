"""
The kinds of values that a key can have: what TOML has for it, and what is made of it.

A kind reads a value, or raises ValueError, whose text is a hint behind what was expected.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from runjd.errors import BadArgument
from runjd.policy.linepattern import check_cost
from runjd.spec.reader import found
from runjd.spec.signals import signal_number
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
#: seconds; ten years, so that no clock overflows
_LONGEST = 10 * 365 * 86400
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(?:([KMGT])i?B?|([kMGT])B|B)?", re.ASCII)
_POWERS = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_LARGEST = 2**63 - 1


class Kind(Value):
    """
    A kind of value.

    :ivar expected: what a person should have written, as "a number from 1 to 9".
    """

    expected: str
    read: Callable[[object], object]


def choice(words: Sequence[str]) -> Kind:
    """Return the kind of one of the words."""

    def read(value: object) -> object:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(hint(value, words))

    return Kind(f"one of {', '.join(words)}", read)


def whole(low: int, high: int = 2**31 - 1) -> Kind:
    """Return the kind of a whole number."""

    def read(value: object) -> object:
        if type(value) is int and low <= value <= high:
            return value
        raise ValueError

    return Kind(f"a whole number from {low} to {high}", read)


def number(low: float, high: float) -> Kind:
    """Return the kind of a number, whole or not."""

    def read(value: object) -> object:
        if type(value) in (int, float) and low <= value <= high:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        raise ValueError

    return Kind(f"a number from {low:g} to {high:g}", read)


def seconds_of(value: object) -> float:
    """Return the seconds of a number, or of ``1m30s``. :raise ValueError: it is no duration."""
    seconds = -1.0
    if type(value) in (int, float) and 0 <= value <= _LONGEST:  # type: ignore[operator]
        seconds = float(value)  # type: ignore[arg-type]
    elif isinstance(value, str) and len(value) < 100:
        parts = _PART.findall(value)
        if parts and "".join(count + unit for count, unit in parts) == value:
            seconds = sum(float(count) * _SECONDS[unit] for count, unit in parts)
    if not 0 <= seconds <= _LONGEST:
        raise ValueError
    return seconds


def hint(value: object, known: Sequence[str]) -> str:
    """Return a hint that names the nearest of the known words; empty where none is near."""
    near = get_close_matches(value[:100], known, n=1) if isinstance(value, str) else []
    return f'did you mean "{near[0]}"?' if near else ""


def _flag(value: object) -> object:
    if type(value) is bool:
        return value
    raise ValueError


def _text(value: object) -> object:
    if isinstance(value, str) and value and "\0" not in value:
        return value
    raise ValueError


def _path(value: object) -> object:
    if isinstance(value, str) and value.startswith("/") and "\0" not in value:
        return value
    raise ValueError


def texts_of(value: object) -> tuple[str, ...]:
    """Return an array of strings without NUL. :raise ValueError: it is none."""
    if not isinstance(value, list):
        raise ValueError
    for at, each in enumerate(value):
        if not isinstance(each, str) or "\0" in each:
            raise ValueError(f"element {at} is {found(each)}")
    return tuple(value)


def command_of(value: object) -> tuple[str, ...]:
    """Return a command of at least one word. :raise ValueError: it is none."""
    words = texts_of(value)
    if words and words[0]:
        return words
    raise ValueError


def _span(value: object) -> object:
    seconds = seconds_of(value)
    if seconds > 0:
        return seconds
    raise ValueError


def _span_or_never(value: object) -> object:
    return None if value == "never" else _span(value)


def _size(value: object) -> object:
    size = -1
    if type(value) is int:
        size = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value[:100])):
        count, binary, decimal = match.groups()
        is_decimal = decimal or (binary and value.endswith(f"{binary}B"))
        size = int(float(count) * (1000 if is_decimal else 1024) ** _POWERS.get(binary or decimal, 0))
    if 0 <= size <= _LARGEST:
        return size
    raise ValueError


def signal_of(value: object) -> int:
    """Return the number of a signal that is given by number or name. :raise ValueError: with a hint."""
    if type(value) is int or isinstance(value, str):
        try:
            return signal_number(str(value))
        except BadArgument as error:
            raise ValueError(error.message) from None
    raise ValueError


def _pattern(value: object) -> object:
    if not isinstance(value, str) or not value:
        raise ValueError
    try:
        re.compile(value)
        check_cost(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return value


FLAG = Kind("true or false", _flag)
TEXT = Kind("a string that is not empty", _text)
PATH = Kind("an absolute path", _path)
TEXTS = Kind("an array of strings", texts_of)
COMMAND = Kind('an array of strings, as ["/bin/sh", "-c", "..."]', command_of)
DURATION = Kind('seconds, or a duration as "1m30s"', seconds_of)
SPAN = Kind('seconds above 0, or a duration as "1m30s"', _span)
SPAN_OR_NEVER = Kind('seconds above 0, a duration as "1m30s", or "never"', _span_or_never)
SIZE = Kind('bytes, or a size as "10MiB"', _size)
SIGNAL = Kind('a signal, as "TERM" or 15', signal_of)
PATTERN = Kind("a regular expression", _pattern)
