"""How an exec process finds out what there is to enter."""

from __future__ import annotations

import os

import pytest

from runjd.runtime.linux.entering import has_other_clocks


@pytest.mark.parametrize(
    ("ours", "theirs", "other"), [("time:[1]", "time:[1]", False), ("time:[1]", "time:[2]", True), ("", "", False)]
)
def test_other_clocks_are_told_by_the_names_of_namespaces(
    private_dir: str, ours: str, theirs: str, other: bool
) -> None:
    """A kernel built without time namespaces has none to enter, which is no sign that the process is gone."""
    for name, target in (("ours", ours), ("theirs", theirs)):
        os.mkdir(f"{private_dir}/{name}")
        if target:
            os.symlink(target, f"{private_dir}/{name}/time")
    directory = os.open(f"{private_dir}/theirs", os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert has_other_clocks(f"{private_dir}/ours", directory) is other
    finally:
        os.close(directory)


def test_a_process_that_is_gone_is_told_apart(private_dir: str) -> None:
    """Where we have a time namespace and it has none, it is gone."""
    os.mkdir(f"{private_dir}/ours")
    os.symlink("time:[1]", f"{private_dir}/ours/time")
    directory = os.open(private_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with pytest.raises(FileNotFoundError):
            has_other_clocks(f"{private_dir}/ours", directory)
    finally:
        os.close(directory)
