"""Files that are written whole or not at all."""

import os

import pytest

from runjd.errors import InputOutput
from runjd.supervise.wholefiles import clear_unfinished, write_whole


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    """Neither the name that it was to have changes, nor is there what had been begun."""
    (tmp_path / "web.json").mkdir()

    with pytest.raises(InputOutput, match=f"cannot write {tmp_path}/web.json"):
        write_whole(f"{tmp_path}/web.json", b"{}")

    assert os.listdir(tmp_path) == ["web.json"]


def test_what_was_begun_is_cleared_and_nothing_else(tmp_path):
    """Also a link, which is not followed; what cannot be removed stays."""
    for name in ("a.json", "a.json.new", "news", "x"):
        (tmp_path / name).write_text(name)
    (tmp_path / "b.json.new").symlink_to(tmp_path / "x")
    (tmp_path / "c.new").mkdir()

    clear_unfinished(str(tmp_path))

    assert sorted(os.listdir(tmp_path)) == ["a.json", "c.new", "news", "x"]
