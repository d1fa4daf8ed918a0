"""Close what a child must not inherit, however many descriptors its parent has."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: INT_MAX: closerange(3) asks close_range(2) for the whole rest in one call
_LAST = 2**31 - 1


def close_others(keep: Iterable[int], first: int = 3) -> None:
    """
    Close every descriptor from ``first`` on, but those to keep.

    close_range(2): one call for each gap, not one for each descriptor.
    """
    for kept in sorted(set(keep)):
        if kept >= first:
            if kept > first:
                os.closerange(first, kept)
            first = kept + 1
    os.closerange(first, _LAST)
