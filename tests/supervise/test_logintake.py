"""What a program writes, on its way into its log."""

import os

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from runjd.errors import Cancelled
from runjd.logs.contract import LogFile
from runjd.logs.formats.stamp import stamp
from runjd.logs.formats.table import FORMATS
from runjd.logs.memory import MemoryWriter
from runjd.policy.settings import LogRule
from runjd.protocols.loan import Loan
from runjd.supervise.logintake import DROP_LIMIT, LogIntake
from runjd.supervise.logroom import LogRoom
from tests.supervise.world import NOW


class Bench:
    """The way into a log in memory."""

    def __init__(self, **rule) -> None:
        self.clock = Clock()
        self.writer = MemoryWriter()
        room = LogRoom("/logs", self.writer, self.clock, lambda: NOW, maybeDeferred)
        self.ends: list[int] = []
        self.lost = 0
        self._rule = LogRule(**rule)
        self.intake = LogIntake(room, self, FORMATS[self._rule.format], self._rule)
        self.done = 0

    def open(self) -> LogFile:
        """Return the file."""
        return self.writer.open("/logs/web.log", self._rule)

    def grew(self, end: int) -> None:
        """It is so long."""
        self.ends.append(end)

    def left_out(self, count: int) -> None:
        """So much is missing."""
        self.lost += count

    def write(self, data: bytes, stream: str = "out", loan: Loan | None = None) -> None:
        """Write as the program does."""
        self.intake.write(stream, data, self._count, loan)

    def log(self) -> bytes:
        """Return what is in the file."""
        return bytes(self.writer.files["/logs/web.log"])

    def _count(self) -> None:
        self.done += 1


@pytest.fixture
def pipe():
    """Return both ends; the reading end does not block."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("form", ["raw", "ts", "json", "cri"])
def test_a_log_has_the_form_that_it_shall_have(form):
    """Each stream is marked where the form can."""
    bench = Bench(format=form, line_limit=4)

    bench.write(b"one\n")
    bench.write(b"other\n", "err")

    expected = {
        "raw": b"one\nother\n",
        "ts": b"AT out one\nAT err+ othe\nAT err r\n",
        "cri": b"AT stdout F one\nAT stderr P othe\nAT stderr F r\n",
        "json": (
            b'{"log":"one\\n","stream":"stdout","time":"AT"}\n{"log":"othe","stream":"stderr","time":"AT"}\n'
            b'{"log":"r\\n","stream":"stderr","time":"AT"}\n'
        ),
    }[form]
    assert bench.log() == expected.replace(b"AT", stamp(NOW))


def test_what_is_lent_is_read_to_its_end(pipe):
    """The writer takes what is there, and an unfinished line is kept as ever."""
    reading, writing = pipe
    bench = Bench(format="raw")
    os.write(writing, b"two\nthr")

    bench.write(b"one\n", loan=Loan(reading, 100))

    assert (bench.log(), bench.done) == (b"one\ntwo\n", 1)
    bench.clock.advance(0.1)
    assert bench.log() == b"one\ntwo\nthr"
    assert bench.clock.getDelayedCalls() == []


def test_a_flush_takes_back_what_is_lent(pipe):
    """At an exit the reactor reads the rest, behind all that the writer took."""
    reading, writing = pipe
    bench = Bench(format="raw")
    bench.writer.is_held = True
    os.write(writing, b"later\n")
    loan = Loan(reading, 100)
    bench.write(b"one\n", loan=loan)
    told: list[bytes] = []

    bench.intake.flush(lambda: told.append(bench.log()))
    bench.write(os.read(reading, 100))
    bench.writer.release()

    assert told == [b"one\n"]
    assert bench.log() == b"one\nlater\n"
    assert bench.done == 2


def test_an_unfinished_line_is_not_flushed_while_its_stream_is_lent(pipe):
    """The writer may be at it."""
    reading, _ = pipe
    bench = Bench(format="cri")
    bench.write(b"begin")
    bench.writer.is_held = True
    bench.write(b" and end\nnext", loan=Loan(reading, 100))

    bench.clock.advance(1)
    bench.writer.release()

    assert [line.split(b" ", 3)[3] for line in bench.log().splitlines()] == [b"begin and end"]
    bench.clock.advance(0.1)
    assert bench.log().endswith(b" stdout P next\n")


def test_a_rotation_waits_for_the_end_of_the_line():
    """The line is whole in the old file."""
    bench = Bench(format="raw")
    bench.write(b"begin")
    bench.clock.advance(0.1)

    rotated = bench.intake.tend("rotate")
    assert not rotated.called
    bench.write(b" and end\nnext\n")

    assert rotated.called
    assert bytes(bench.writer.files["/logs/web.log.000001"]) == b"begin and end\nnext\n"
    bench.write(b"new\n")
    assert bench.log() == b"new\n"
    assert bench.clock.getDelayedCalls() == []


def test_a_rotation_does_not_wait_long_for_the_end_of_a_line():
    """A prompt may stand there for days."""
    bench = Bench(format="raw")
    bench.write(b"prompt> ")
    bench.clock.advance(0.1)

    first, second = bench.intake.tend("rotate"), bench.intake.tend("reopen")
    bench.clock.advance(1.1)

    assert (first.called, second.called) == (True, True)
    assert bytes(bench.writer.files["/logs/web.log.000001"]) == b"prompt> "


def test_a_rotation_that_nobody_waits_for_is_done_all_the_same():
    """Who asked for it may go away."""
    bench = Bench(format="raw")
    bench.write(b"line\n")
    bench.writer.is_held = True

    rotated = bench.intake.tend("rotate")
    rotated.addErrback(lambda failure: failure.trap(Cancelled)).cancel()
    bench.writer.release()

    assert "/logs/web.log.000001" in bench.writer.files


def test_another_rule_holds_from_the_next_line_on():
    """What is unfinished is written in the form that it was read for."""
    bench = Bench(format="raw")
    bench.write(b"one\nhalf")

    bench.intake.keep(LogRule(format="ts"), FORMATS["ts"])
    bench.write(b" and half\n")

    assert bench.log() == b"one\nhalf" + stamp(NOW) + b" out  and half\n"


def test_a_rotation_takes_back_what_is_lent(pipe):
    """What the writer took is in the old file, what is read later in the new one."""
    reading, writing = pipe
    bench = Bench(format="raw")
    bench.writer.is_held = True
    os.write(writing, b"later\n")
    bench.write(b"one\n", loan=Loan(reading, 100))

    bench.intake.tend("rotate")
    bench.write(os.read(reading, 100))
    bench.writer.release()

    assert bytes(bench.writer.files["/logs/web.log.000001"]) == b"one\n"
    assert bench.log() == b"later\n"


def test_a_log_that_drops_never_makes_its_jail_wait():
    """What a slow disk does not take is left out and counted, and the log says so in its place."""
    bench = Bench(format="raw", pressure="drop")
    bench.write(b"one\n")
    bench.writer.is_held = True
    chunk = b"x" * 9_999 + b"\n"
    for _ in range(200):
        bench.write(chunk)
    assert bench.done == 201

    bench.writer.release()
    bench.write(b"last\n")

    kept = -(-DROP_LIMIT // 10_000)
    lost = 200 - kept
    notice = f"[runjd: {lost * 10_000} bytes, {lost} lines, were left out here: ".encode()
    assert bench.lost == lost * 10_000
    begin, found, rest = bench.log().partition(notice)
    assert (begin == b"one\n" + chunk * kept, found) == (True, notice)
    assert rest.endswith(b"]\nlast\n")


def test_a_gap_at_the_end_of_a_program_is_told():
    """Also where its last line has no end."""
    bench = Bench(format="raw", pressure="drop")
    bench.writer.is_held = True
    bench.write((b"x" * 1023 + b"\n") * 1024)
    bench.write(b"lost\nand lost")

    bench.intake.rest()
    bench.writer.release()

    assert b"\n[runjd: 13 bytes, 1 line, were left out here: " in bench.log()


def test_a_log_that_blocks_leaves_nothing_out():
    """Whoever writes is told only when it is written."""
    bench = Bench(format="raw")
    bench.writer.is_held = True
    for _ in range(200):
        bench.write(b"x" * 9_999 + b"\n")
    assert bench.done == 0

    bench.writer.release()

    assert (bench.done, bench.lost, len(bench.log())) == (200, 0, 2_000_000)
