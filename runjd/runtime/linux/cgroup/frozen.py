"""
Whether a jail is paused: asked by every ``state``, so it loads nothing.
"""

from __future__ import annotations

import os

from runjd.runtime.linux.cgroup.record import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runjd.runtime.contract import Undo


def is_frozen(undo: Iterable[Undo]) -> bool:
    """Whether the groups of a jail are frozen, or about to be."""
    for group in recorded(undo)[:1]:
        state = _read(f"{group}/freezer.state") or _read(f"{group}/cgroup.freeze")
        return state.strip() in (b"FROZEN", b"FREEZING", b"1")
    return False


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 64)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
