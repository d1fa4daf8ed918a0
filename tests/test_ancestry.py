"""The way to a file or directory that must be ours."""

from __future__ import annotations

import os
import sys

import pytest

from runjd.ancestry import find_stranger, is_own_group

pytestmark = pytest.mark.root

NOBODY = 65534
#: what root's group may write to is told where it is wheel
BY_GROUP = "/a/b" if sys.platform.startswith("freebsd") else ""


@pytest.fixture
def way(private_dir: str) -> str:
    os.makedirs(f"{private_dir}/a/b/c")
    return private_dir


def test_ones_own_way_is_safe(way: str) -> None:
    """Directories of root below a sticky /tmp, whether the end is there or not, with dots and slashes."""
    for path in ("/a/b/c", "/a/b/c/missing/more", "//a/./b/../b/c/"):
        assert find_stranger(way + path) == ""


@pytest.mark.parametrize(("mode", "found"), [(0o755, ""), (0o775, BY_GROUP), (0o777, "/a/b"), (0o1777, "")])
def test_who_may_write_is_asked(way: str, mode: int, found: str) -> None:
    """A directory that everybody can write to is told, unless it is sticky; the group of root alone may."""
    os.chmod(f"{way}/a/b", mode)

    assert find_stranger(f"{way}/a/b/c") == (way + found if found else "")


def test_the_group_of_others_is_asked(way: str) -> None:
    """A directory that another group can write to is told."""
    os.chown(f"{way}/a", 0, 4711)
    os.chmod(f"{way}/a", 0o770)

    assert find_stranger(f"{way}/a/b/c") == f"{way}/a"


def test_a_strangers_directory_is_told(way: str) -> None:
    """Whatever its mode."""
    os.chown(f"{way}/a/b", NOBODY, NOBODY)
    os.chmod(f"{way}/a/b", 0o700)

    assert find_stranger(f"{way}/a/b/c/d") == f"{way}/a/b"
    os.chown(f"{way}/a/b", 0, 0)


def test_links_are_followed_by_whose_they_are(way: str) -> None:
    """Root's link is the way it leads, absolute or not; a stranger's is told."""
    os.chmod(f"{way}/a", 0o777)
    os.symlink(f"{way}/a/b", f"{way}/absolute")
    os.symlink("a/b", f"{way}/relative")
    assert find_stranger(f"{way}/absolute/c") == find_stranger(f"{way}/relative/c") == f"{way}/a"
    os.chmod(f"{way}/a", 0o755)
    assert find_stranger(f"{way}/absolute/c") == find_stranger(f"{way}/relative/../b/c") == ""

    os.lchown(f"{way}/absolute", NOBODY, NOBODY)
    assert find_stranger(f"{way}/absolute/c") == f"{way}/absolute"


def test_loops_end(way: str) -> None:
    """Links that lead to each other are told as the way of a stranger."""
    os.symlink("there", f"{way}/here")
    os.symlink("here", f"{way}/there")

    assert find_stranger(f"{way}/here/x") in (f"{way}/here", f"{way}/there")


def test_groups_are_told_apart_by_their_numbers() -> None:
    """On Linux root's is its own, and the one of a user's number; that we run with one says nothing."""
    before = os.getegid()
    os.setegid(4711)
    try:
        assert [is_own_group(each, "linux") for each in (0, 4711, 4712)] == [True, False, False]
        os.seteuid(4711)
        try:
            assert [is_own_group(each, "linux") for each in (0, 4711, 4712)] == [True, True, False]
            assert [is_own_group(each, "freebsd15") for each in (0, 4711)] == [False, False]
        finally:
            os.seteuid(0)
    finally:
        os.setegid(before)
