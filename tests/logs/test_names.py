"""The names of rotated files."""

import pytest

from runjd.logs import names


def make(path, *endings):
    """Make files beside a log."""
    for ending in endings:
        with open(path + ending, "wb"):
            pass


def test_rotated_files_come_oldest_first(tmp_path):
    """Numbers are compared as numbers, whatever the compression is."""
    path = str(tmp_path / "web.log")
    make(path, "", ".000010", ".000009.gz", ".1000000", ".000011.zst")

    files = names.rotated(path)

    assert [(each.number, each.compression) for each in files] == [
        (9, "gzip"),
        (10, "none"),
        (11, "zstd"),
        (1_000_000, "none"),
    ]
    assert [each.path for each in files] == [names.name(path, each.number, each.compression) for each in files]
    assert names.next_number(files) == 1_000_001


def test_what_others_rotated_is_not_ours(tmp_path):
    """Files of newsyslog, of logrotate, and of other jails are left alone."""
    path = str(tmp_path / "web.log")
    make(path, ".0", ".1.gz", "-20261123", ".000001.bz2", ".00000x", ".000001.gz.part", "2.log.000001", ".00000\u0661")

    assert names.rotated(path) == []
    assert names.next_number([]) == 1


@pytest.mark.parametrize("endings", [(".000001", ".000001.gz"), (".000001.gz", ".000001")])
def test_a_file_that_is_there_twice_counts_once(tmp_path, endings):
    """The daemon died between compressing a file and removing it: its lines are read once."""
    path = str(tmp_path / "web.log")
    make(path, *endings)

    assert [each.compression for each in names.rotated(path)] == ["gzip"]
