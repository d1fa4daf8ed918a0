"""What the person probably meant."""

from __future__ import annotations

from collections.abc import Iterable

from runjd.errors import NoSuchJail


def no_such_jail(id: str, known: Iterable[str]) -> NoSuchJail:
    """Return the error for an id that is not known, with the nearest one that is."""
    from difflib import get_close_matches  # 30 KB and 1 ms that most lives of the daemon never need

    near = get_close_matches(id, known, n=1)
    return NoSuchJail(id, f'did you mean "{near[0]}"?' if near else "")
