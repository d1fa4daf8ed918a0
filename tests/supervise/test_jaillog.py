"""The log of a jail, as its readers see it."""

import os
import time

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from runjd.errors import Gone, InputOutput
from runjd.logs.memory import MemoryWriter
from runjd.logs.writer import ThreadWriter
from runjd.policy.facts import LogQuery
from runjd.policy.settings import LogRule
from runjd.supervise.jaillog import JailLog
from runjd.supervise.logroom import LogRoom
from runjd.supervise.logtrouble import LogTrouble
from tests.supervise.heard import Heard
from tests.supervise.world import NOW, ImmediateWriter, error_of, value

AT = b"2026-11-23T15:01:20.102000000Z"


class Bench:
    """A log in a directory."""

    def __init__(self, directory: str, writer) -> None:
        self.clock = Clock()
        self.path = f"{directory}/web.log"
        self.writer = writer
        room = LogRoom(directory, writer, self.clock, lambda: NOW, maybeDeferred)
        self.log = JailLog(room, "web", LogRule(), LogTrouble(self.clock, Heard()))
        self.done = 0

    def write(self, data: bytes, stream: str = "out") -> None:
        """Write as the program does."""
        self.log.intake.write(stream, data, self._count)

    def read(self, **query) -> list:
        """Return the lines of the log that are meant."""
        reader = value(self.log.open(LogQuery(**query)))
        page = value(reader.read(100_000))
        reader.close()
        return list(page.lines)

    def follow(self, **query):
        """Begin to follow the log, and read all that is there."""
        reader = value(self.log.open(LogQuery(**query), follow=True))
        while not value(reader.read(100_000)).is_end:
            pass
        return reader

    def _count(self) -> None:
        self.done += 1


def _wait_for(is_so) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def bench(private_dir):
    """Return a log on disk."""
    writer = ImmediateWriter()
    yield Bench(private_dir, writer)
    writer.stop()


def test_whoever_waits_is_told_when_it_is_written(private_dir):
    """An unfinished line is dealt with at once; a whole one when the disk has it."""
    writer = MemoryWriter()
    writer.is_held = True
    bench = Bench(private_dir, writer)

    bench.write(b"half ")
    assert bench.done == 1
    bench.write(b"a line\n")
    assert bench.done == 1
    writer.release()

    assert bench.done == 2
    assert bytes(writer.files[bench.path]).endswith(b" stdout F half a line\n")
    bench.clock.advance(1)


def test_a_busy_stream_is_not_cut_into_partial_lines(bench):
    """What is unfinished because a read ended there gets its rest with the next read, not a record of its own."""
    for n in range(20):
        bench.write(b"%d\nbegin of " % n)
        bench.clock.advance(0.02)
    bench.clock.advance(1)

    assert [line.partial for line in bench.read()] == [False] * 20 + [True]


def test_a_follower_waits_at_the_end_of_what_is_there(bench):
    """A daemon that has written nothing yet reads the log of the last one, and a torn record is no reason to wake."""
    with open(bench.path, "wb") as file:
        file.write(AT + b" stdout F old\n" + AT + b" stdout F torn")
    reader = bench.follow()

    grown = reader.when_grown()
    assert not grown.called
    bench.write(b"new\n")

    value(grown)
    assert [line.text for line in value(reader.read(1000)).lines][-1] == b"new"
    reader.close()


def test_a_log_that_began_anew_wakes_its_followers(bench):
    """A follower of a log that was cut reads it from its beginning."""
    bench.write(b"1\n" * 1000)
    reader = bench.follow(lines=1)
    waiting = reader.when_grown()
    with open(bench.path, "wb"):
        pass

    bench.write(b"2\n")

    value(waiting)
    assert [line.text for line in value(reader.read(1000)).lines] == [b"2"]
    reader.close()


def test_a_flush_is_done_behind_everything(private_dir):
    """Both streams' unfinished lines and all before are in the file when it is done."""
    writer = MemoryWriter()
    bench = Bench(private_dir, writer)
    bench.write(b"1\nhalf")
    bench.write(b"other half", "err")
    told: list[bytes] = []

    bench.log.intake.flush(lambda: told.append(bytes(writer.files[bench.path])))

    assert [each.split(b" ", 1)[1] for each in told[0].splitlines()] == [
        b"stdout F 1",
        b"stdout P half",
        b"stderr P other half",
    ]
    assert bench.clock.getDelayedCalls() == []


def test_a_jail_that_wrote_nothing_is_flushed_at_once(bench):
    """No file is made for it."""
    told: list[str] = []

    bench.log.intake.flush(lambda: told.append("done"))

    assert told == ["done"]
    assert bench.read() == []


def test_a_log_that_cannot_be_read_fails_only_its_reader(bench, private_dir):
    """The error names the file."""
    with open(f"{private_dir}/elsewhere", "wb") as file:
        file.write(b"secret\n")
    os.symlink(f"{private_dir}/elsewhere", bench.path)

    error = error_of(bench.log.open(LogQuery()))
    assert isinstance(error, InputOutput)
    assert bench.path in str(error)


def test_an_unfinished_line_outlives_its_program(bench):
    """What is kept when the program is over goes into the log."""
    bench.write(b"half")
    bench.log.intake.rest()
    bench.clock.advance(1)

    with open(bench.path, "rb") as file:
        assert file.read().endswith(b" stdout P half\n")


def test_what_a_full_disk_refused_comes_before_the_next_program(private_dir):
    """The order of the log is the order in which it was written, over a restart of its jail, too."""
    directory = f"{private_dir}/later"
    told: list = []
    writer = ThreadWriter(told.append, lambda path, error: None, retry_delay=0.2)
    bench = Bench(directory, writer)
    bench.write(b"first\n")
    _wait_for(lambda: told)
    bench.log.intake.rest()
    os.mkdir(directory, 0o700)
    bench.write(b"second\n")
    _wait_for(lambda: os.path.exists(bench.path) and os.path.getsize(bench.path) > 80)
    writer.stop()

    with open(bench.path, "rb") as file:
        assert [line.split()[-1] for line in file] == [b"first", b"second"]


def test_who_follows_a_log_that_others_removed_waits_for_the_new_one(bench):
    """Nothing is there, so nothing has grown, whatever was written last."""
    bench.write(b"old\n")
    reader = bench.follow()
    os.unlink(bench.path)
    while not value(reader.read(1000)).is_end:
        pass

    grown = reader.when_grown()
    assert not grown.called
    bench.write(b"new\n")

    value(grown)
    assert [line.text for line in value(reader.read(1000)).lines] == [b"new"]
    reader.close()


def test_who_follows_a_log_of_which_a_part_was_written_waits_for_the_rest(bench):
    """A full disk may have taken some lines of what waits: they are read once, and not looked for again and again."""
    bench.write(b"one\n")
    with open(bench.path, "ab") as file:
        file.write(AT + b" stdout F two\n" + AT + b" stdo")
    reader = bench.follow()

    assert not reader.when_grown().called
    reader.close()


def test_nobody_waits_for_more_of_a_log_whose_jail_is_forgotten(bench):
    """Who follows it is told, at once or when he has read all of it."""
    bench.write(b"one\n")
    reader = bench.follow()
    waiting = reader.when_grown()
    bench.log.gone(Gone("jail web was deleted"))

    assert error_of(waiting).code == "GONE"
    assert len(bench.read()) == 1
    assert error_of(reader.when_grown()).code == "GONE"
    reader.close()


def test_who_gives_up_while_a_thread_reads_closes_nothing_under_it(private_dir):
    """The file is closed behind what was begun, whether it was opened, read or looked at."""
    threads: list = []

    def in_thread(call, *words):
        result: Deferred = Deferred()
        threads.append((result, call, words))
        return result

    def go_on() -> None:
        result, call, words = threads.pop(0)
        result.callback(call(*words))

    room = LogRoom(private_dir, ImmediateWriter(), Clock(), lambda: NOW, in_thread)
    log = JailLog(room, "web", LogRule(), LogTrouble(room.clock, Heard()))
    log.intake.write("out", b"one\n", lambda: None)
    opening = log.open(LogQuery())
    opening.cancel()
    error_of(opening)
    go_on()
    opening = log.open(LogQuery())
    go_on()
    reader = value(opening)
    reading = reader.read(1000)
    reading.cancel()
    reading.addErrback(lambda _: None)
    reader.close()
    go_on()

    assert threads == []
    log.intake.rest()
