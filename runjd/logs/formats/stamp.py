"""The time of a record, the same in all forms, so that two stamps can be compared as they are."""

from __future__ import annotations

from functools import lru_cache
from time import gmtime


def stamp(seconds: float) -> bytes:
    """Return wall time, in seconds since the epoch, as RFC 3339 in UTC with nanoseconds."""
    whole = int(seconds // 1)
    micros = min(999_999, int((seconds - whole) * 1_000_000))
    return b"%b.%06d000Z" % (_second(whole), micros)


@lru_cache(1)
def _second(whole: int) -> bytes:
    """Return all but the fraction, which is the same for many stamps."""
    return b"%04d-%02d-%02dT%02d:%02d:%02d" % gmtime(whole)[:6]


def is_stamp(text: bytes) -> bool:
    """Return whether a record can begin with this as its time, whoever wrote it."""
    return text[10:11] == b"T" and len(text) >= 20 and text.isascii()
