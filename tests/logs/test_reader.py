"""Reading a log."""

import os

import pytest

from runjd.errors import InputOutput
from runjd.logs import reader
from runjd.logs.formats.table import FORMATS
from runjd.policy.settings import LogRule

AT = b"2026-11-23T15:01:20.102113000Z"


@pytest.fixture
def log(tmp_path):
    """Return a function that writes a log of numbered lines, and some bytes behind them."""

    def write(count, torn=b"", text=b"line %d"):
        path = tmp_path / "web.log"
        lines = b"".join(text % n + b"\n" for n in range(count))
        records = FORMATS["cri"].whole(AT, "out", b"", lines, len(lines)) if lines else []
        path.write_bytes(b"".join(records) + torn)
        return str(path)

    return write


def texts(page):
    """Return the texts of a page."""
    return [line.text for line in page.lines]


@pytest.mark.parametrize("wanted", [0, 1, 2, 499, 3000, 4999, 5000, 6000])
def test_a_tail_is_exactly_so_many_lines(log, wanted):
    """The position of the tail has the lines behind it, however many blocks they fill."""
    path = log(5000)

    position = reader.tail(path, wanted)
    found, end = [], position
    while (page := reader.read(path, end, 50_000)).lines:
        found += texts(page)
        end = page.next

    assert found == [b"line %d" % n for n in range(max(0, 5000 - wanted), 5000)]
    assert end == os.path.getsize(path)


def test_pages_follow_each_other_without_gap(log):
    """The position behind a page is the beginning of the next one."""
    path = log(3000)

    first = reader.read(path, 0, 1)
    second = reader.read(path, first.next, 1)

    assert texts(first) + texts(second) == [b"line %d" % n for n in range(len(first.lines) + len(second.lines))]


def test_a_record_that_is_being_written_is_not_seen(log):
    """A last line without its newline is left for later."""
    path = log(2, torn=AT + b" stdout F hal")

    page = reader.read(path, 0, 1000)

    assert texts(page) == [b"line 0", b"line 1"]
    assert page.next == reader.tail(path, 0) < os.path.getsize(path)


def test_the_tail_counts_from_the_last_whole_record(log):
    """A torn last record does not count as a line."""
    path = log(3, torn=b"torn")

    assert texts(reader.read(path, reader.tail(path, 1), 1000)) == [b"line 2"]


@pytest.mark.parametrize("call", [lambda path: reader.tail(path, 5), lambda path: reader.read(path, 0, 100).next])
def test_a_log_that_is_not_there_is_empty(tmp_path, call):
    """A jail that wrote nothing has an empty log."""
    assert call(str(tmp_path / "none.log")) == 0


def test_a_position_behind_the_end_begins_anew(log):
    """A log that was cut short is read from its beginning."""
    page = reader.read(log(1), 10_000, 1000)

    assert texts(page) == [b"line 0"]


def test_a_longest_record_fits_into_the_smallest_page(log):
    """Even a page of one byte brings whole records."""
    path = log(3, text=b"%d" + b"x" * (LogRule().line_limit - 1))

    assert len(reader.read(path, 0, 1).lines) >= 1


def test_an_endless_line_of_a_stranger_does_not_stop_reading(tmp_path):
    """What has no newline for too long is given out in pieces."""
    path = tmp_path / "web.log"
    path.write_bytes(b"y" * 100_000)

    page = reader.read(str(path), 0, 1)

    assert page.lines
    assert page.next > 0


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/etc/passwd", path), os.mkdir])
def test_only_a_regular_file_is_read(tmp_path, make):
    """A FIFO does not block us, and a symbolic link leads nowhere."""
    path = str(tmp_path / "web.log")
    make(path)

    with pytest.raises(InputOutput):
        reader.read(path, 0, 100)
