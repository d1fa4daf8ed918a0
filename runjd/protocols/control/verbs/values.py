"""What the values of arguments must be; a ValueError reads on from the name of the argument."""

from __future__ import annotations

from collections.abc import Callable

from runjd.protocols.attach import MAX_SIDE
from runjd.protocols.control.request import MAX_TAG

MAX_SECONDS = 10_000_000.0


def absolute_path(text: str) -> str:
    """An absolute path; the daemon has no working directory of the client's."""
    if text[:1] != "/":
        raise ValueError("must be an absolute path")
    return text


def anything(text: str) -> str:
    """Any text."""
    return text


def something(text: str) -> str:
    """Any text but none."""
    if not text:
        raise ValueError("must not be empty")
    return text


def yes(text: str) -> bool:
    """``yes`` or ``no``."""
    if text not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text == "yes"


def one_of(*words: str) -> Callable[[str], str]:
    """Return the check for one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(
                f"must be {', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else f"must be {words[0]}"
            )
        return text

    return parse


def number(low: int, high: int) -> Callable[[str], int]:
    """Return the check for a decimal number within these limits."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError(f"must be a number from {low} to {high}")
        return int(text)

    return parse


side = number(1, MAX_SIDE)


def seconds(text: str) -> float:
    """A time in seconds, with decimals if need be."""
    whole, dot, part = text.partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit() and whole and bool(part) == bool(dot) and len(digits) < 20):
        raise ValueError("must be a time in seconds, such as 30 or 0.5")
    if float(text) > MAX_SECONDS:
        raise ValueError(f"must be at most {MAX_SECONDS:.0f} seconds")
    return float(text)


def log_lines(text: str) -> int:
    """How many lines of a log; -1 for all."""
    return -1 if text == "all" else _log_lines(text)


_log_lines = number(0, 1_000_000_000)


def tag(text: str) -> str:
    """A tag, as it was sent."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TAG):
        raise ValueError(f"must be a tag: 1 to {MAX_TAG} digits")
    return text


def user(text: str) -> tuple[int, int | None]:
    """``UID`` or ``UID:GID``, in numbers: names are the jail's own and are not read by the daemon."""
    parts = text.split(":")
    try:
        ids = [_id(part) for part in parts]
    except ValueError:
        ids = []
    if not 1 <= len(ids) <= 2:
        raise ValueError("must be UID or UID:GID, in numbers")
    return ids[0], ids[1] if len(ids) == 2 else None


_id = number(0, 2**32 - 2)


def variable(text: str) -> str:
    """``NAME=value``."""
    name, equals, _ = text.partition("=")
    if not name or not equals:
        raise ValueError("must be NAME=value")
    return text


def word_list(text: str) -> frozenset[str]:
    """Words separated by commas."""
    words = frozenset(text.split(","))
    if "" in words:
        raise ValueError("must be words separated by commas")
    return words


def place(text: str) -> tuple[str, int]:
    """``RUN:SEQ``, a place in the events of one life of the daemon."""
    run, colon, seq = text.rpartition(":")
    if not (run and colon and seq.isascii() and seq.isdigit() and len(seq) < 20):
        raise ValueError("must be RUN:SEQ, as the greeting and the events give them")
    return run, int(seq)
