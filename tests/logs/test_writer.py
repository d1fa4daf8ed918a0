"""The one thread that writes all logs, on a real disk."""

import os
import queue
import stat
import subprocess
import threading
import time

import pytest

from runjd.errors import LimitReached
from runjd.logs.compressor import Compressor, daemon_thread
from runjd.logs.contract import Source
from runjd.logs.names import Rotated, name, rotated
from runjd.logs.writer import ThreadWriter
from runjd.policy.settings import LogRule
from tests.logs.fsize import longest


class Bench:
    """A writer whose calls come when the test asks for them."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue = queue.SimpleQueue()
        self.troubles: list[str] = []
        self.writer = ThreadWriter(self.calls.put, self._trouble, retry_delay=0.01)

    def open(self, path: str, **rule):
        """Return a log."""
        return self.writer.open(path, LogRule(**rule))

    def write(self, file, data: bytes) -> list[int]:
        """Write; the list that is returned fills with the end."""
        ends: list[int] = []
        file.write([data], ends.append)
        return ends

    def until(self, is_done) -> None:
        """Make the calls that the writer asked for, until something is so."""
        while not is_done():
            self.calls.get(timeout=5)()

    def _trouble(self, path: str, error: OSError | None) -> None:
        self.troubles.append("fine" if error is None else error.strerror)


@pytest.fixture
def bench():
    """Return a writer."""
    bench = Bench()
    yield bench
    bench.writer.stop()


@pytest.fixture
def path(private_dir):
    """Return where a log may lie."""
    return f"{private_dir}/web.log"


def read(path):
    """Return a file's contents."""
    with open(path, "rb") as file:
        return file.read()


def test_a_log_is_readable_for_its_group_only(bench, path):
    """A new log has mode 0640, whatever the umask is."""
    before = os.umask(0o077)
    try:
        ends = bench.write(bench.open(path), b"x\n")
        bench.until(lambda: ends)
    finally:
        os.umask(before)

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640


def test_a_log_that_was_deleted_is_made_anew(bench, path):
    """What comes after the deletion stands in a new file."""
    file = bench.open(path)
    ends = bench.write(file, b"1\n")
    bench.until(lambda: ends)
    os.unlink(path)

    ends = bench.write(file, b"2\n")
    bench.until(lambda: ends)

    assert read(path) == b"2\n"
    assert ends == [2]


def test_a_log_that_was_renamed_stays_as_it_was(bench, path):
    """A rotation by another program loses nothing and doubles nothing."""
    file = bench.open(path)
    ends = bench.write(file, b"1\n")
    bench.until(lambda: ends)
    os.rename(path, path + ".0")

    ends = bench.write(file, b"2\n")
    bench.until(lambda: ends)

    assert (read(path + ".0"), read(path)) == (b"1\n", b"2\n")


def test_a_log_that_was_cut_short_gets_no_hole(bench, path):
    """Appending goes on at the end that there is."""
    file = bench.open(path)
    ends = bench.write(file, b"1\n" * 1000)
    bench.until(lambda: ends)
    os.truncate(path, 0)

    ends = bench.write(file, b"2\n")
    bench.until(lambda: ends)

    assert read(path) == b"2\n"
    assert ends == [2]


def test_a_record_that_was_torn_is_ended_first(bench, path):
    """A daemon that died within a record does not spoil the next one."""
    with open(path, "wb") as file:
        file.write(b"2026-11-23T15:01:20Z stdout F whole\ntorn")

    ends = bench.write(bench.open(path), b"next\n")
    bench.until(lambda: ends)

    assert read(path) == b"2026-11-23T15:01:20Z stdout F whole\ntorn\nnext\n"


@pytest.mark.parametrize(
    "make", [lambda path: os.symlink("/tmp/elsewhere", path), os.mkfifo, os.mkdir], ids=["link", "FIFO", "directory"]
)
def test_what_is_no_file_is_refused_until_it_is_gone(bench, path, make):
    """Nothing is written through a link or into a FIFO; once it is away, nothing was lost."""
    make(path)
    ends = bench.write(bench.open(path), b"kept\n")
    bench.until(lambda: bench.troubles)
    assert not ends
    assert not os.path.exists("/tmp/elsewhere")

    (os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)
    bench.until(lambda: ends and len(bench.troubles) == 2)

    assert read(path) == b"kept\n"
    assert bench.troubles[1] == "fine"


def test_a_directory_that_others_can_write_to_is_refused(bench, path, private_dir):
    """Who can write to the directory could have us write anywhere."""
    os.chmod(private_dir, 0o777)
    ends = bench.write(bench.open(path), b"kept\n")
    bench.until(lambda: bench.troubles)
    assert "written to by others" in bench.troubles[0]

    os.chmod(private_dir, 0o700)
    bench.until(lambda: ends)

    assert read(path) == b"kept\n"


def test_trouble_is_told_once_and_stops_one_log_only(bench, path, private_dir):
    """A log that cannot be written is told of once; others are written meanwhile."""
    os.mkdir(path)
    refused = bench.write(bench.open(path), b"1\n")
    other = bench.open(f"{private_dir}/other.log")
    for _ in range(5):
        ends = bench.write(other, b"x\n")
        bench.until(lambda ends=ends: ends)

    bench.until(lambda: bench.troubles)
    assert bench.troubles == ["Is a directory"]
    assert not refused

    os.rmdir(path)
    bench.until(lambda: refused)


def test_one_failing_receiver_does_not_harm_the_others(bench, path):
    """Everyone is told, even where the first one raises."""
    file = bench.open(path)
    told: list[int] = []

    def fail(end: int) -> None:
        raise ValueError("a fault of the receiver")

    file.write([b"1\n"], fail)
    file.write([b"2\n"], told.append)
    failures = 0
    while not told:
        try:
            bench.calls.get(timeout=5)()
        except ValueError:
            failures += 1

    assert told == [4]
    assert failures == 1


@pytest.mark.root
@pytest.mark.linux
def test_a_full_disk_loses_nothing(bench, private_dir):
    """What a full disk refuses is written as soon as there is room, whole and once."""
    disk = f"{private_dir}/disk"
    os.mkdir(disk, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "none", disk], check=True)
    try:
        with open(f"{disk}/ballast", "wb") as ballast:
            ballast.write(b"b" * 49_152)
        file = bench.open(f"{disk}/web.log")
        data = [b"%d\n" % n * 500 for n in range(40)]
        lists = [bench.write(file, each) for each in data]
        bench.until(lambda: bench.troubles)
        assert bench.troubles == ["No space left on device"]

        os.unlink(f"{disk}/ballast")
        subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
        bench.until(lambda: all(lists) and len(bench.troubles) == 2)

        assert read(f"{disk}/web.log") == b"".join(data)
        file.close()
        bench.writer.stop()
    finally:
        subprocess.run(["umount", disk], check=True)


class Flood(Source):
    """Has something at all times, and tells of each time."""

    def __init__(self) -> None:
        self.taken = 0
        self.is_over = False

    def take(self):
        """Return a line."""
        if self.is_over:
            return None
        self.taken += 1
        return [b"flood\n"], True


def test_a_flood_leaves_room_for_other_logs(bench, path, private_dir):
    """However much one program writes, another one's line is written within a few of its chunks."""
    flood, other = Flood(), bench.open(f"{private_dir}/other.log")
    flooded = bench.open(path)

    def again(end: int) -> None:
        if not flood.is_over:
            flooded.write([b"flood\n"], again, source=flood)

    again(0)
    for _ in range(200):
        before = flood.taken
        ends = bench.write(other, b"line\n")
        bench.until(lambda ends=ends: ends)
        if before:
            assert flood.taken - before < 10 * 64
    flood.is_over = True

    assert read(f"{private_dir}/other.log") == b"line\n" * 200


def test_a_flood_without_others_comes_back_at_times(bench, path):
    """The reactor sees each program again after a bounded number of chunks."""
    flood = Flood()
    ends: list[int] = []

    bench.open(path).write([b"flood\n"], ends.append, source=flood)
    bench.until(lambda: ends)

    assert 0 < flood.taken <= 64
    assert read(path) == b"flood\n" * (flood.taken + 1)


class Few(Source):
    """Has a few lines, each of which it gives away once."""

    def __init__(self, lines) -> None:
        self.lines = lines

    def take(self):
        """Return the next one."""
        return ([self.lines.pop(0)], True) if self.lines else None


@pytest.mark.parametrize("room", [0, 3, 6, 9, 60], ids=lambda room: f"{room} bytes")
def test_what_a_source_gave_away_is_not_lost_where_the_disk_refuses_it(bench, path, room):
    """Nobody else has it any more: it is written once the disk takes it, and what the source has then behind it."""
    lines = [b"%05d\n" % n for n in range(20)]
    ends: list[int] = []
    with longest(6 + room):
        bench.open(path, format="raw").write([b"first\n"], ends.append, source=Few(list(lines)))
        bench.until(lambda: bench.troubles)
        assert not ends
        assert os.path.getsize(path) == 6 + room
    bench.until(lambda: ends)

    assert read(path) == b"first\n" + b"".join(lines)
    assert ends == [126]


@pytest.mark.root
@pytest.mark.linux
def test_a_record_that_a_full_disk_cut_is_ended_in_the_file_that_it_was_begun_in(bench, private_dir):
    """Somebody renames the log while the disk is full: no record lies in two files, and none is lost."""
    disk = f"{private_dir}/disk"
    os.mkdir(disk, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k,mode=0700", "none", disk], check=True)
    try:
        with open(f"{disk}/ballast", "wb") as ballast:
            ballast.write(b"b" * 20_000)
        file = bench.open(f"{disk}/web.log", format="raw")
        lists = [bench.write(file, b"%06d\n" % n * 1000) for n in range(4)]
        bench.until(lambda: bench.troubles)
        assert os.path.getsize(f"{disk}/web.log") % 7
        os.rename(f"{disk}/web.log", f"{disk}/web.log.0")
        os.unlink(f"{disk}/ballast")
        subprocess.run(["mount", "-o", "remount,size=128k", disk], check=True)
        bench.until(lambda: all(lists))

        old, new = read(f"{disk}/web.log.0"), read(f"{disk}/web.log")
        assert (len(old) % 7, len(new) % 7) == (0, 0)
        assert old + new == b"".join(b"%06d\n" % n * 1000 for n in range(4))
    finally:
        bench.writer.stop()
        subprocess.run(["umount", disk], check=True)


class Refused(threading.Thread):
    """A thread that the system refuses."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_a_writer_without_a_thread_says_so_before_anyone_depends_on_it(path):
    """Nothing of it is left that would have to be ended; once the system gives one, all is written."""
    refuses = [True]

    def make_thread(work, word):
        return Refused() if refuses[0] else daemon_thread(work, word)

    calls: queue.SimpleQueue = queue.SimpleQueue()
    writer = ThreadWriter(calls.put, lambda *_: None, make_thread=make_thread)
    with pytest.raises(LimitReached, match="can't start new thread to write logs"):
        writer.start()
    file = writer.open(path, LogRule())
    with pytest.raises(LimitReached):
        file.write([b"first"], lambda count: None)

    refuses.clear()
    refuses.append(False)
    writer.start()
    calls.get(timeout=5)()

    writer.stop()
    assert read(path) == b"first"


def test_a_compressor_without_a_thread_compresses_with_the_next_file(path):
    """It is told; the writer goes on."""
    refuses = [True]
    troubles: list[str] = []
    compressor = Compressor(
        lambda path, error: troubles.append(error.strerror),
        lambda work, word: Refused() if refuses.pop() else daemon_thread(work, word),
    )
    for number in (1, 2):
        old = Rotated(number, name(path, number), "none")
        with open(old.path, "wb") as file:
            file.write(b"lines\n")
        compressor.give(path, old, "gzip")
        refuses.append(False)

    deadline = time.monotonic() + 5
    # also until those that were compressed are gone
    while [each.compression for each in rotated(path)] != ["gzip", "gzip"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    compressor.stop()
    assert troubles == ["can't start new thread"]
