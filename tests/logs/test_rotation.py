"""Rotating by one rename."""

import os

import pytest

from runjd.logs import names
from runjd.logs.rotation import rotate, settle
from runjd.policy.settings import LogRule


def write(path, contents=b"x\n"):
    """Write a file."""
    with open(path, "wb") as file:
        file.write(contents)


@pytest.fixture
def path(tmp_path):
    """Return the path of a log that has something."""
    path = str(tmp_path / "web.log")
    write(path)
    return path


def test_the_newest_files_are_kept(path):
    """What is older than so many files is removed, compressed or not."""
    write(path + ".000001.gz")
    for _ in range(4):
        rotate(path, LogRule(keep=3))
        write(path)

    assert [each.number for each in names.rotated(path)] == [3, 4, 5]


def test_nothing_is_kept_where_nothing_shall_be(path):
    """keep = 0 means the file that is written now, and no other."""
    rotate(path, LogRule(keep=0))

    assert os.listdir(os.path.dirname(path)) == []


def test_a_number_is_not_used_again(path):
    """A reader who knows a number finds the same lines under it."""
    rotate(path, LogRule(keep=1))
    write(path)
    rotate(path, LogRule(keep=1))

    assert [each.number for each in names.rotated(path)] == [2]


def test_what_is_to_be_compressed_is_found_again(path):
    """Files that a daemon which died did not get to are given out with the next one, and none is there twice."""
    for number, compression in ((1, "gzip"), (1, "none"), (2, "none")):
        write(names.name(path, number, compression))

    found = rotate(path, LogRule(compress="gzip"))

    assert [each.number for each in found] == [2, 3]
    assert not os.path.exists(names.name(path, 1))
    assert settle(path, LogRule()) == []


def test_a_rotation_that_fails_changes_nothing(path):
    """The log is where it was."""
    os.unlink(path)
    write(path + ".000001")

    with pytest.raises(FileNotFoundError):
        rotate(path, LogRule(keep=0))

    assert os.path.exists(path + ".000001")
