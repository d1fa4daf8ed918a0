"""The input of a jail's process, on a real FIFO."""

import os
from collections.abc import Iterator

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred

from runjd.errors import LimitReached
from tests.protocols.jailbench import DONE, Bench, turns, until


@pytest.fixture
def bench(private_dir) -> Iterator[Bench]:
    """Return a connected process on FIFOs."""
    bench = Bench(private_dir, drain_limit=0.05)
    bench.process.connect()
    yield bench
    bench.end()


def test_the_writing_end_is_asked_for_with_the_first_byte(bench):
    """An idle jail costs no descriptor for its input."""
    assert bench.keeper.asked == []

    bench.process.write(b"one")
    bench.process.writeToChild(0, b"two")

    assert bench.keeper.asked == ["open"]
    assert os.read(bench.stdin, 100) == b"onetwo"


def test_an_end_of_input_is_told_to_the_keeper(bench):
    """Closing closes both ends: ours, and the keeper's."""
    bench.process.write(b"last")
    bench.process.closeStdin()
    bench.process.write(b"too late")

    assert bench.keeper.asked == ["open", "close"]
    assert os.read(bench.stdin, 100) == b"last"
    assert os.read(bench.stdin, 100) == b""


def test_an_input_that_nobody_types_into_gives_its_descriptor_back(bench):
    """Resting is no end of input: the next byte asks for the descriptor again."""
    bench.process.write(b"1")
    bench.process.idle_input()
    bench.process.write(b"2")

    assert bench.keeper.asked == ["open", "open"]
    assert os.read(bench.stdin, 100) == b"12"


@ensureDeferred
async def test_a_program_that_reads_slowly_gets_everything(bench):
    """Input beyond the FIFO waits, whoever writes is told so, and the end comes behind it."""
    data = bytes(range(256)) * 2000
    waits = bench.process.feed(data)
    bench.process.closeStdin()
    assert waits is not None
    fired: list = []
    waits.addCallback(fired.append)

    read = bytearray()
    while len(read) < len(data):
        try:
            read += os.read(bench.stdin, 50_000)
        except BlockingIOError:
            await turns(1)

    assert bytes(read) == data
    assert fired == [None]
    await until(lambda: bench.keeper.asked == ["open", "close"])


def test_a_writer_that_does_not_wait_is_refused(bench):
    """What a program does not read is bounded in memory."""
    bench.process.feed(b"x" * 1_000_000)

    with pytest.raises(LimitReached):
        bench.process.feed(b"x" * 200_000)


@ensureDeferred
async def test_a_program_that_closed_its_input_makes_no_noise(bench):
    """Without a reader the input is lost, which is told once, and whoever waits is let go."""
    waits = bench.process.feed(b"x" * 200_000)
    bench.close(bench.stdin)
    await waits

    bench.process.write(b"more")
    await turns()

    assert bench.protocol.heard == ["lost 0"]


def test_an_input_that_was_closed_before_is_lost(private_dir):
    """The next daemon learns from the keeper that there is no input any more."""
    bench = Bench(private_dir)
    bench.process.connect()
    bench.keeper.is_stdin_open = False

    assert bench.process.feed(b"x" * 100_000) is None

    assert bench.protocol.heard == ["lost 0"]
    bench.end()


def test_an_answer_that_comes_too_late_is_closed(private_dir):
    """A descriptor that arrives behind the exit does not leak."""
    bench = Bench(private_dir)
    answer: Deferred[int] = Deferred()
    bench.keeper.open_stdin = lambda: answer
    bench.process.connect()
    bench.process.write(b"x")
    bench.process.exited(DONE)
    reader, writer = os.pipe()

    answer.callback(writer)

    assert os.read(reader, 1) == b""
    os.close(reader)
    bench.end()


class Producer:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self):
        self.told.append("pause")

    def resumeProducing(self):
        self.told.append("resume")

    def stopProducing(self):
        self.told.append("stop")


@ensureDeferred
async def test_a_push_producer_is_paused_and_resumed(bench):
    """A producer of input is paused while the program does not read."""
    producer = Producer()
    bench.process.registerProducer(producer, True)
    bench.process.write(b"x" * 200_000)
    assert producer.told == ["pause"]

    read = 0
    while read < 200_000:
        try:
            read += len(os.read(bench.stdin, 65_536))
        except BlockingIOError:
            await turns(1)
    await until(lambda: producer.told == ["pause", "resume"])

    bench.process.unregisterProducer()
    bench.process.exited(DONE)
    assert producer.told == ["pause", "resume"]


def test_a_producer_is_stopped_with_the_process(bench):
    """A producer hears of the end, also where it comes after it."""
    early, late = Producer(), Producer()
    bench.process.registerProducer(early, True)

    bench.process.exited(DONE)
    bench.process.registerProducer(late, True)

    assert early.told == late.told == ["stop"]


def test_a_pull_producer_is_asked_for_more(bench):
    """A pull producer is asked when all it gave was written."""
    producer = Producer()
    bench.process.registerProducer(producer, False)
    bench.process.write(b"1")

    assert producer.told == ["resume", "resume"]
