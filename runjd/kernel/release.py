"""Which release of the kernel this is, as far as its numbers tell what it can do."""

from __future__ import annotations


def numbers_of(release: str) -> tuple[int, ...]:
    """Return the first two numbers of what uname(1) -r says, as (6, 15); fewer where it says no more."""
    return tuple([int(each) for each in release.replace("-", ".").split(".")[:2] if each.isdigit()])
