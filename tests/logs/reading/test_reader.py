"""Reading a log: its last lines, from a place or a time on, through rotated and compressed files."""

import os

import pytest

from runjd.errors import BadArgument, InputOutput
from runjd.logs.formats.table import FORMATS
from runjd.logs.reading.reader import SMALLEST_PAGE
from runjd.logs.reading.records import LONGEST
from runjd.policy.facts import LogPosition
from tests.logs.reading.bench import Log, at, numbers, rest, texts

TIMED = [name for name in FORMATS if name != "raw"]


@pytest.fixture(params=sorted(FORMATS))
def log(request, private_dir):
    """Return an empty log of each form."""
    return Log(private_dir, request.param)


@pytest.fixture
def cri(private_dir):
    """Return an empty log."""
    return Log(private_dir)


@pytest.fixture
def old(log):
    """Return a log of four files: two that are compressed, one that was rotated, and the one that is written."""
    for count in (3000, 2000):
        log.write(count)
        log.rotate()
    log.compress()
    log.write(1000)
    log.rotate()
    log.write(500)
    return log


@pytest.mark.parametrize("wanted", [None, 0, 1, 2, 499, 500, 501, 1500, 1501, 4000, 6499, 6500, 7000])
def test_a_tail_is_exactly_so_many_lines(old, wanted):
    """The last lines are found over all files, however many of them they fill."""
    expected = range(0 if wanted is None else max(0, 6500 - wanted), 6500)

    assert texts(old, lines=wanted) == numbers(expected)


def test_a_position_stays_what_it_was(old):
    """A place in a file is the same after the file was rotated, compressed, and others before it were removed."""
    reader = old.read(is_following=True, lines=100)
    place = reader.position
    reader.close()
    old.rotate()
    old.write(10)
    old.compress()
    os.unlink(f"{old.path}.000001.gz")

    assert texts(old, position=place) == numbers(range(6400, 6510))


def test_a_place_before_all_that_is_there(old):
    """Reading begins with the oldest file that is left, and says how many are missing."""
    os.unlink(f"{old.path}.000001.gz")
    os.unlink(f"{old.path}.000002.gz")

    reader = old.read(position=LogPosition(1, 100))
    page = reader.read(1)
    reader.close()

    assert page.missing == 2
    assert page.lines[0].text == b"line 5000"


def test_a_place_behind_the_end_is_refused(old):
    """The error tells where the end is."""
    with pytest.raises(BadArgument) as refused:
        old.read(position=LogPosition(4, 10_000_000))

    assert f"which is 4:{os.path.getsize(old.path)}" in str(refused.value)


@pytest.mark.parametrize("form", TIMED)
@pytest.mark.parametrize("second", [0, 1, 2999, 3000, 4999, 5000, 5500, 6000, 6499])
def test_times_are_found_in_all_files(private_dir, form, second):
    """since is the first line of that time or later, until the first that is not shown."""
    log = Log(private_dir, form)
    for count in (3000, 2000, 1000):
        log.write(count)
        log.rotate()
    log.compress()
    log.write(500)

    assert texts(log, since=at(second)) == numbers(range(second, 6500))
    assert texts(log, until=at(second)) == numbers(range(second))
    assert texts(log, since=at(second), until=at(second + 3)) == numbers(range(second, min(6500, second + 3)))
    assert texts(log, lines=2, until=at(second)) == numbers(range(max(0, second - 2), second))
    assert texts(log, lines=2, since=at(second)) == numbers(range(max(second, 6498), 6500))


def test_times_before_and_behind_all(cri):
    """All of it, or nothing."""
    cri.write(100)

    assert len(texts(cri, since=at(-10))) == 100
    assert texts(cri, since=at(1000)) == []
    assert texts(cri, until=at(-10)) == []


def test_records_without_a_time_do_not_lead_astray(cri):
    """What strangers wrote between is passed over, wherever it lies."""
    for _ in range(200):
        cri.write(20)
        cri.add(b"of a stranger\n" * 50)

    found = texts(cri, since=at(2500))

    assert found[0] == b"line 2500"
    assert [text for text in found if text != b"of a stranger"] == numbers(range(2500, 4000))


@pytest.mark.parametrize("form", TIMED)
def test_one_stream_alone(private_dir, form):
    """The last lines of a stream are counted in that stream, over all files."""
    log = Log(private_dir, form)
    for _ in range(30):
        log.write(100)
        log.write(1, "err")
        if log.count in (1010, 2020):
            log.rotate()
    log.compress()
    errors = [range(number, number + 1) for number in range(100, 3030, 101)]

    assert texts(log, stream="err") == numbers(*errors)
    for wanted in (1, 10, 11, 25, 40):
        assert texts(log, stream="err", lines=wanted) == numbers(*errors[-wanted:])


@pytest.mark.parametrize("query", [{"since": at(1)}, {"until": at(1)}, {"stream": "err"}])
def test_a_raw_log_knows_no_times_and_streams(private_dir, query):
    """Asking for them is an error that says what to do instead."""
    log = Log(private_dir, "raw")
    log.write(5)

    with pytest.raises(BadArgument, match="of the form raw"):
        log.read(**query)


def test_older_files_of_another_form_are_read_as_what_they_are(private_dir):
    """A change of the form is no reason to lose what was written before."""
    log = Log(private_dir, "json")
    log.write(100)
    log.rotate()
    log.form = "cri"
    log.write(100)

    assert texts(log) == numbers(range(200))
    assert texts(log, since=at(50)) == numbers(range(50, 200))


def test_a_record_that_is_being_written_is_not_seen(cri):
    """A last line without its newline is left for later, also when the last lines are counted."""
    cri.write(3)
    cri.add(at(9).encode() + b" stdout F hal")

    assert texts(cri) == numbers(range(3))
    assert texts(cri, lines=1) == numbers(range(2, 3))


def test_the_last_words_in_a_raw_log_are_a_part_of_a_line(private_dir):
    """Its newlines are the program's, so what has none yet is there all the same."""
    log = Log(private_dir, "raw")
    log.add(b"one\ntwo")

    reader = log.read(lines=1)
    page = reader.read(1)
    reader.close()

    assert [(line.text, line.partial) for line in page.lines] == [(b"two", True)]


def test_a_log_that_is_not_there_is_empty(log):
    """A jail that wrote nothing has an empty log."""
    assert texts(log) == texts(log, lines=5) == []


def test_records_longer_than_a_page_come_whole(cri):
    """Whatever the limit of lines is, a record is not torn."""
    cri.write(3, text=b"%d" + b"x" * (3 * SMALLEST_PAGE))

    assert [len(text) for text in texts(cri)] == [3 * SMALLEST_PAGE + 1] * 3


def test_an_endless_line_of_a_stranger_does_not_stop_reading(cri):
    """What has no newline for too long is given out in pieces."""
    cri.write(1)
    cri.add(b"y" * (LONGEST + 10) + b"\n")

    assert sum(text.count(b"y") for text in texts(cri)) == LONGEST + 10


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/etc/passwd", path), os.mkdir])
def test_only_a_regular_file_is_read(cri, make):
    """A FIFO does not block us, and a symbolic link leads nowhere."""
    make(cri.path)

    with pytest.raises(InputOutput):
        cri.read()


def test_what_cannot_be_unpacked_is_an_error(cri):
    """It names the file."""
    cri.write(1000)
    cri.rotate()
    cri.compress()
    with open(f"{cri.path}.000001.gz", "r+b") as file:
        file.truncate(200)

    with pytest.raises(InputOutput, match=r"000001\.gz"):
        texts(cri)


def test_what_is_read_while_it_is_rotated_comes_whole(cri):
    """A reader that began before goes through what it holds, and on to the next file; nothing comes twice."""
    cri.write(3000)
    reader = cri.read(is_following=True)
    found = [line.text for line in reader.read(1).lines]
    cri.rotate()
    cri.write(10)
    cri.rotate()
    cri.compress()
    cri.write(5)

    assert found + rest(reader) == numbers(range(3015))
    reader.close()
