"""Limits are changed one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.spec.merge_resources import merge

BEFORE = {"memory": {"limit": 5, "swap": 9}, "cpu": {"shares": 2}, "unified": {"a.b": "1"}}


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, BEFORE),
        ({"memory": {"limit": 6}}, BEFORE | {"memory": {"limit": 6, "swap": 9}}),
        ({"memory": {"limit": 0, "swap": None}, "cpu": {"cpus": ""}, "pids": {}}, BEFORE),
        ({"pids": {"limit": 3}}, BEFORE | {"pids": {"limit": 3}}),
        ({"cpu": {"idle": 0, "burst": 0, "quota": 0}}, BEFORE | {"cpu": {"shares": 2, "idle": 0, "burst": 0}}),
        ({"memory": {"swappiness": 0}}, BEFORE | {"memory": {"limit": 5, "swap": 9, "swappiness": 0}}),
        ({"memory": {"limit": -1}}, BEFORE | {"memory": {"limit": -1}}),
        ({"memory": {"limit": -1, "swap": 7}}, BEFORE | {"memory": {"limit": -1, "swap": 7}}),
        ({"rdma": {"a": {"hcaHandles": 1}}}, BEFORE | {"rdma": {"a": {"hcaHandles": 1}}}),
        ({"hugepageLimits": [{}]}, BEFORE | {"hugepageLimits": [{}]}),
    ],
)  # fmt: skip
def test_what_says_nothing_stays(changes: dict[str, Any], after: dict[str, Any]) -> None:
    """0, null and empty are as before, but where 0 is a value; no limit of memory is none of swap."""
    assert merge(BEFORE, changes) == after


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_merging_again_changes_nothing(before: dict[str, Any], changes: dict[str, Any]) -> None:
    """The same change twice is one change, and neither argument is touched."""
    copy = repr((before, changes))
    once = merge(before, changes)

    assert merge(once, changes) == once
    assert repr((before, changes)) == copy
