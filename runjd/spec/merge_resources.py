"""
Changes of ``linux.resources``, as ``update`` is given them. Pure.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: properties of which 0 is a value like any other; elsewhere callers write it for "as before"
_ZERO_COUNTS = ("burst", "idle", "swappiness")


def merge(before: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """
    Return the limits that hold after a change.

    Objects are merged, everything else is replaced, and what says nothing (absent, null, empty, false
    or 0) stays as it was, as with runc; so does that without a limit of memory there is none of swap.
    """
    merged = _merged(before, changes)
    memory, asked = merged.get("memory"), changes.get("memory")
    if isinstance(memory, dict) and isinstance(asked, dict) and asked.get("limit") == -1 and not asked.get("swap"):
        merged["memory"] = {name: value for name, value in memory.items() if name != "swap"}
    return merged


def _merged(before: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    merged = dict(before)
    for name, value in changes.items():
        if isinstance(value, dict):
            was = merged.get(name)
            inner = _merged(was if isinstance(was, dict) else {}, value)
            if inner:
                merged[name] = inner
        elif value or (value == 0 and value is not False and name in _ZERO_COUNTS):
            merged[name] = value
    return merged
