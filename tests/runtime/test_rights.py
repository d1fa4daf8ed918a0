"""Tests of runjd.runtime.rights."""

from __future__ import annotations

import pytest

from runjd.runtime.rights import groups_of
from runjd.spec.model import User


@pytest.mark.parametrize(
    ("first_is_effective", "groups"), [(True, (100, 5, 7)), (False, (5, 7))], ids=["FreeBSD", "Linux"]
)
def test_no_group_is_replaced_by_the_effective_one(first_is_effective: bool, groups: tuple[int, ...]) -> None:
    """On FreeBSD the first of setgroups(2) is the effective group, and setgid(2) replaces it (seen on 13.2)."""
    assert groups_of(User(0, 100, None, (5, 7)), first_is_effective=first_is_effective) == groups
