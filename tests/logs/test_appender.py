"""The file that is written now, and what others do to it."""

import os

import pytest

from runjd.logs import names
from runjd.logs.appender import Appender
from runjd.logs.formats.stamp import stamp
from runjd.logs.formats.table import FORMATS
from runjd.logs.lines import LineEncoder
from runjd.policy.settings import LogRule
from tests.logs.fsize import longest
from tests.unpacked import open_rotated


class Bench:
    """An appender, its clock, and what it gave to be compressed."""

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/web.log"
        self.now = 1_795_446_080.0
        self.given: list = []
        self.appender = self.again(LogRule())

    def again(self, rule: LogRule) -> Appender:
        """Return the appender of the next life of the daemon, or of another rule."""
        if hasattr(self, "appender"):
            self.appender.let_go()
        self.appender = Appender(self.path, rule, self, lambda: self.now)
        return self.appender

    def give(self, path: str, file, kind: str) -> None:
        """Be the compressor."""
        self.given.append(file)

    def write(self, data: bytes, is_line_end: bool = True) -> None:
        """Append."""
        self.appender.append([data], is_line_end)

    def files(self) -> list[bytes]:
        """Return the contents of all files, oldest first."""
        contents = []
        for each in names.rotated(self.path):
            with open_rotated(each) as file:
                contents.append(file.read())
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                contents.append(file.read())
        return contents


@pytest.fixture
def bench(private_dir):
    """Return one."""
    bench = Bench(private_dir)
    yield bench
    bench.appender.let_go()


def test_a_file_is_rotated_before_it_is_too_long(bench):
    """No file is longer than it may be, and each line is in one."""
    bench.again(LogRule(format="raw", max_size=10, keep=100))

    for n in range(7):
        bench.write(b"%d23\n" % n)

    assert bench.files() == [b"023\n123\n", b"223\n323\n", b"423\n523\n", b"623\n"]


def test_a_file_is_rotated_when_it_is_old(bench):
    """Its age counts from its first record, over the lives of the daemon, too."""
    rule = LogRule(format="ts", max_age=100.0)
    bench.again(rule)
    bench.now += 0
    bench.write(b"2026-11-23T15:01:20.000000000Z out first\n")
    bench.now += 60
    bench.again(rule)
    bench.write(b"2026-11-23T15:02:20.000000000Z out second\n")
    bench.now += 41
    bench.write(b"2026-11-23T15:03:01.000000000Z out third\n")

    assert [each.count(b"\n") for each in bench.files()] == [2, 1]


def test_a_rotation_waits_for_the_end_of_the_line(bench):
    """A line that is written in parts is in one file."""
    bench.again(LogRule(format="raw", max_size=10, keep=100))

    bench.write(b"123456", is_line_end=False)
    bench.write(b"789012", is_line_end=False)
    bench.write(b"345\n")
    bench.write(b"next\n")

    assert bench.files() == [b"123456789012345\n", b"next\n"]


def test_a_line_that_never_ends_is_rotated_all_the_same(bench):
    """At twice the size it is, so that one program cannot fill the disk."""
    bench.again(LogRule(format="raw", max_size=10, keep=100))

    for _ in range(10):
        bench.write(b"12345", is_line_end=False)

    assert [len(each) for each in bench.files()] == [20, 20, 10]


def test_what_is_to_be_compressed_is_given_out(bench):
    """Also what a daemon that died left behind."""
    with open(names.name(bench.path, 4), "wb") as file:
        file.write(b"old\n")
    bench.again(LogRule(format="raw", compress="gzip"))

    bench.write(b"1\n")
    assert [each.number for each in bench.given] == [4]
    bench.appender.rotate()

    assert [each.number for each in bench.given] == [4, 4, 5]


def test_what_others_renamed_gets_the_end_of_its_line(bench):
    """newsyslog renames while a line is being written: it is whole in the old file, the next one in the new."""
    bench.again(LogRule(format="raw"))
    bench.write(b"one\nbegin", is_line_end=False)
    os.rename(bench.path, f"{bench.path}.0")

    bench.write(b" and end\n")
    assert not os.path.exists(bench.path)
    bench.write(b"two\n")

    with open(f"{bench.path}.0", "rb") as old:
        assert old.read() == b"one\nbegin and end\n"
    assert bench.files() == [b"two\n"]


def test_a_line_that_was_begun_in_a_file_that_is_gone_goes_on_in_the_new_one(bench):
    """Nobody could read it in the old one."""
    bench.again(LogRule(format="raw"))
    bench.write(b"begin", is_line_end=False)
    os.unlink(bench.path)

    bench.write(b" and end\n")

    assert bench.files() == [b" and end\n"]


def test_a_raw_log_gets_no_byte_that_the_program_did_not_write(bench):
    """Where another form ends a torn record, raw goes on."""
    bench.again(LogRule(format="raw"))
    bench.write(b"half", is_line_end=False)
    bench.again(LogRule(format="raw"))
    bench.write(b" and half\n")

    assert bench.files() == [b"half and half\n"]


def test_a_rotation_of_nothing_makes_no_file(bench):
    """Neither where there is no log, nor where it is empty."""
    bench.appender.rotate()
    bench.appender.reopen()
    bench.appender.rotate()

    assert bench.files() == [b""]


def test_reopening_makes_the_file_that_was_renamed(bench):
    """newsyslog may compress the old one from then on."""
    bench.write(b"1\n")
    os.rename(bench.path, f"{bench.path}.0")

    bench.appender.reopen()

    assert bench.files() == [b""]
    bench.write(b"2\n")
    assert bench.files() == [b"2\n"]


@pytest.mark.parametrize("count", [1, 511, 512, 513, 3000])
def test_any_number_of_pieces_is_written(bench, count):
    """One call of the system takes only so many."""
    bench.again(LogRule(format="raw"))
    bench.appender.append([b"%d\n" % n for n in range(count)], True)

    assert bench.files() == [b"".join(b"%d\n" % n for n in range(count))]
    assert bench.appender.end == os.path.getsize(bench.path)


def test_records_of_another_form_begin_another_file(bench):
    """Whether the daemon was told meanwhile, or was started anew; each file has one form."""
    at = b"2026-11-23T15:01:20.000000000Z"
    bench.again(LogRule(format="ts"))
    bench.write(at + b" out first\n")
    bench.appender.keep(LogRule(format="cri"))
    bench.write(at + b" stdout F second\n")
    bench.again(LogRule(format="json"))
    bench.write(b'{"log":"third\\n","stream":"stdout","time":"%s"}\n' % at)

    assert [each.split()[-1] for each in bench.files()][:2] == [b"first", b"second"]
    assert len(bench.files()) == 3


@pytest.mark.parametrize("room", [0, 3], ids=["nothing", "a part"])
def test_what_is_refused_behind_other_records_is_written_later(bench, room):
    """Whether the disk takes a part of it or nothing at all: whole and once, and what comes behind it as well."""
    bench.again(LogRule(format="raw"))
    bench.write(b"first\n")
    bench.appender.extend([b"second\n"], True)
    with longest(13 + room):
        for deed in (
            lambda: bench.appender.extend([b"third\n", b"fourth\n"], True),
            lambda: bench.appender.go_on(True),
        ):
            with pytest.raises(OSError, match="File too large"):
                deed()

    bench.appender.go_on(True)
    bench.appender.go_on(True)
    bench.appender.extend([b"fifth\n"], True)

    assert bench.files() == [b"first\nsecond\nthird\nfourth\nfifth\n"]
    assert bench.appender.end == os.path.getsize(bench.path)


@pytest.mark.parametrize("form", ["ts", "cri", "json"])
def test_a_longest_first_record_is_known_again(bench, form):
    """The next life of the daemon goes on in the same file, however long its records are."""
    rule = LogRule(format=form, line_limit=300_000)
    for _ in range(3):
        bench.again(rule)
        records = LineEncoder(FORMATS[form], "out", rule.line_limit).feed(stamp(bench.now), b"\xff" * 300_000 + b"\n")
        bench.appender.append(records, True)

    [found] = bench.files()
    assert found.count(b"\n") == 3
