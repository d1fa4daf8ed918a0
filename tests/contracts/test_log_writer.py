"""What every writer of logs does: the one on disk and the one in memory."""

import queue
from collections.abc import Iterator

import pytest

from runjd.logs.contract import LogWriter, Source
from runjd.logs.memory import MemoryWriter
from runjd.logs.names import name
from runjd.logs.writer import ThreadWriter
from runjd.policy.settings import LogRule


class Bench:
    """A writer, and how to see what it did."""

    def __init__(self, kind: str, directory: str) -> None:
        self.directory = directory
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self.troubles: list[tuple[str, OSError | None]] = []
        self.writer: LogWriter = (
            MemoryWriter()
            if kind == "memory"
            else ThreadWriter(self._calls.put, lambda path, error: self.troubles.append((path, error)), 0.01)
        )

    def open(self, path: str):
        """Return a log."""
        return self.writer.open(path, LogRule())

    def write(self, file, data: bytes) -> int:
        """Write and wait; return the length that was told."""
        ends: list[int] = []
        file.write([data], ends.append)
        self.until(lambda: ends)
        return ends[0]

    def until(self, is_done) -> None:
        """Make the calls that the writer asked for, until something is so."""
        while not is_done():
            self._calls.get(timeout=5)()

    def contents(self, name: str) -> bytes:
        """Return what a log has."""
        if isinstance(self.writer, MemoryWriter):
            return bytes(self.writer.files[f"{self.directory}/{name}"])
        with open(f"{self.directory}/{name}", "rb") as file:
            return file.read()


@pytest.fixture(params=["memory", "thread"])
def bench(request, private_dir) -> Iterator[Bench]:
    """Return one of the writers."""
    bench = Bench(request.param, private_dir)
    yield bench
    bench.writer.stop()


def test_data_come_one_behind_the_other(bench):
    """Later data stand behind earlier ones."""
    file = bench.open(f"{bench.directory}/web.log")
    ends: list[int] = []

    for n in range(100):
        file.write([b"%02d\n" % n], ends.append)
    bench.until(lambda: len(ends) == 100)

    assert bench.contents("web.log") == b"".join(b"%02d\n" % n for n in range(100))
    assert ends[-1] == 300
    assert ends == sorted(ends)


def test_every_log_has_its_file(bench):
    """Two logs do not mix."""
    one, two = bench.open(f"{bench.directory}/one.log"), bench.open(f"{bench.directory}/two.log")

    bench.write(one, b"1\n")
    bench.write(two, b"2\n")

    assert (bench.contents("one.log"), bench.contents("two.log")) == (b"1\n", b"2\n")


def test_writing_nothing_tells_when_all_before_is_written(bench):
    """An empty write is done behind all that was given before."""
    file = bench.open(f"{bench.directory}/web.log")
    told: list[str] = []

    file.write([b"data\n"], lambda end: told.append("data"))
    file.write([], lambda end: told.append(f"flushed at {end}"))
    bench.until(lambda: len(told) == 2)

    assert told == ["data", "flushed at 5"]


def test_a_log_that_was_closed_can_be_written_again(bench):
    """Closing gives the descriptor back, no more."""
    file = bench.open(f"{bench.directory}/web.log")

    bench.write(file, b"1\n")
    file.close()
    bench.write(file, b"2\n")

    assert bench.contents("web.log") == b"1\n2\n"


def test_stopping_writes_what_was_given(bench):
    """All that was given is on disk when ``stop`` returns."""
    file = bench.open(f"{bench.directory}/web.log")
    for _ in range(50):
        file.write([b"x\n"], lambda end: None)

    bench.writer.stop()

    assert bench.contents("web.log") == b"x\n" * 50


def test_a_rotation_is_done_behind_all_that_was_given(bench):
    """What was given before is in the old file, and what is given behind it in the new one."""
    file = bench.open(f"{bench.directory}/web.log")
    told: list = []

    file.write([b"1\n"], lambda end: told.append(end))
    file.rotate(told.append)
    file.rotate(told.append)  # of nothing
    file.write([b"22\n"], lambda end: told.append(end))
    bench.until(lambda: len(told) == 4)

    assert told == [2, None, None, 3]
    assert bench.contents(name("web.log", 1)) == b"1\n"
    assert bench.contents("web.log") == b"22\n"


def test_reopening_makes_the_file(bench):
    """A log that was moved away is there again."""
    told: list = []

    bench.open(f"{bench.directory}/web.log").reopen(told.append)
    bench.until(lambda: told)

    assert told == [None]
    assert bench.contents("web.log") == b""


class Numbers(Source):
    """Has so many numbers to give."""

    def __init__(self, count: int) -> None:
        self.left = list(range(count))

    def take(self):
        """Return the next one."""
        return ([b"%d\n" % self.left.pop(0)], True) if self.left else None


def test_what_a_source_gives_comes_behind_its_records(bench):
    """It is written before the records count as written, and before what was given later."""
    file = bench.open(f"{bench.directory}/web.log")
    ends: list[int] = []

    file.write([b"first\n"], ends.append, source=Numbers(5))
    file.write([b"last\n"], ends.append)
    bench.until(lambda: len(ends) == 2)

    data = bench.contents("web.log")
    assert data.startswith(b"first\n")
    assert data.endswith(b"last\n")
    taken = data.split()[1:-1]
    assert taken == [b"%d" % n for n in range(len(taken))]
    assert ends == [len(data) - 5, len(data)]
