"""Reading a log as it grows, while files are rotated, compressed, renamed and cut."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.logs.formats.table import FORMATS
from tests.logs.reading.bench import Log, numbers, rest


@pytest.fixture(params=sorted(FORMATS))
def log(request, private_dir):
    """Return an empty log of each form."""
    return Log(private_dir, request.param)


@pytest.fixture
def follow(log):
    """Return a function that begins to follow the log."""
    readers = []

    def begin(**query):
        readers.append(log.read(is_following=True, **query))
        return readers[-1]

    yield begin
    for each in readers:
        each.close()


def test_what_is_written_is_there_and_nothing_twice(log, follow):
    """Whoever is at the end is told that there is more."""
    log.write(2)
    reader = follow()

    assert rest(reader) == numbers(range(2))
    assert not reader.has_grown()
    log.write(1)
    assert reader.has_grown()
    assert rest(reader) == numbers(range(2, 3))
    assert not reader.has_grown()


def test_following_goes_on_in_the_next_file(log, follow):
    """Over a rotation, and over several at once."""
    reader = follow()
    found = []
    for rotations in (1, 2, 3):
        for _ in range(rotations):
            log.write(10)
            log.rotate()
        assert reader.has_grown()
        found += rest(reader)
    log.compress()
    log.write(1)

    assert found + rest(reader) == numbers(range(61))


def test_a_file_that_others_rename(log, follow):
    """newsyslog and logrotate give it another name; what came before that is read, then what is in the new one."""
    reader = follow()
    log.write(3)
    os.rename(log.path, log.path + ".0")
    log_of_before = rest(reader)
    assert log_of_before == []
    log.write(3)

    assert reader.has_grown()
    assert rest(reader) == numbers(range(3, 6))


def test_what_came_before_it_was_renamed_is_read_first(log, follow):
    """Nothing is lost to who had the file open."""
    log.write(1)
    reader = follow()
    assert rest(reader) == numbers(range(1))
    log.write(2)
    os.rename(log.path, log.path + ".0")
    log.write(3)

    assert rest(reader) == numbers(range(1, 6))


def test_an_empty_new_file_does_not_end_the_old_one(log, follow):
    """newsyslog makes the new file itself; the rest of a line may still go into the old one."""
    log.write(1)
    reader = follow()
    rest(reader)
    os.rename(log.path, log.path + ".0")
    with open(log.path, "wb"):
        pass
    assert rest(reader) == []
    moved = Log(os.path.dirname(log.path), log.form)
    moved.path += ".0"
    moved.count = 1
    moved.write(1)
    log.count = 2
    log.write(1)

    assert rest(reader) == numbers(range(1, 3))


def test_a_log_that_began_anew(log, follow):
    """One that was removed or cut is read from its beginning."""
    log.write(100)
    reader = follow(lines=1)
    rest(reader)
    os.unlink(log.path)
    assert rest(reader) == []
    log.write(1)
    assert rest(reader) == numbers(range(100, 101))
    with open(log.path, "wb"):
        pass
    assert reader.has_grown()
    rest(reader)
    log.write(1)
    assert rest(reader) == numbers(range(101, 102))


def test_a_log_that_is_made_later(log, follow):
    """Who follows a jail that wrote nothing yet sees its first line."""
    reader = follow()
    assert rest(reader) == []
    assert not reader.has_grown()

    log.write(1)

    assert reader.has_grown()
    assert rest(reader) == numbers(range(1))


def test_files_that_were_removed_before_they_were_read_are_told(log, follow):
    """A reader that is too slow for what is kept goes on with the oldest that is there, and says how many are gone."""
    log.write(1)
    reader = follow()
    rest(reader)
    for _ in range(4):
        log.write(1)
        log.rotate()
    for number in (1, 2, 3):
        os.unlink(f"{log.path}.{number:06d}")

    page = reader.read(1)
    while not page.lines[-1].text.endswith(b"4"):
        page = reader.read(1)

    assert page.missing == 2


def test_all_rotated_files_are_removed(log, follow):
    """The numbers begin anew, and the reader of the file that is written does not read it again."""
    log.write(1)
    log.rotate()
    log.write(1)
    reader = follow()
    assert rest(reader) == numbers(range(2))
    os.unlink(f"{log.path}.000001")
    log.write(1)

    assert rest(reader) == numbers(range(2, 3))


@given(
    form=st.sampled_from(sorted(FORMATS)),
    steps=st.lists(st.sampled_from(["write", "write", "rotate", "compress", "read", "other"]), max_size=40),
)
def test_each_line_is_read_once(tmp_path_factory, form, steps):
    """Whatever happens to the files in between, who follows sees each line exactly once, in order."""
    log = Log(str(tmp_path_factory.mktemp("log")), form)
    reader = log.read(is_following=True)
    found = []
    try:
        for number, step in enumerate(steps):
            if step == "write":
                log.write(3)
            elif step == "rotate" and os.path.exists(log.path):
                log.rotate()
            elif step == "compress":
                log.compress()
            elif step == "other" and os.path.exists(log.path) and found == numbers(range(log.count)):
                os.rename(log.path, f"{log.path}.other{number}")
            elif step == "read":
                found += rest(reader)
        found += rest(reader)
    finally:
        reader.close()

    assert found == numbers(range(log.count))
