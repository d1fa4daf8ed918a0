"""One output of a process."""

import os

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import deferLater

from runjd.policy.facts import ExitRecord
from runjd.protocols.jailoutput import JailOutput


class Process:
    """Whose output it is."""

    exit = None

    def output_came(self, child_fd: int, data: bytes) -> None:
        """Nothing comes."""

    def output_ended(self, child_fd: int) -> None:
        """Nobody asks."""


@ensureDeferred
async def test_the_number_of_a_closed_descriptor_is_free_one_turn_later():
    """An event of this turn for the old descriptor cannot hit what was opened since, as the control socket once was."""
    reading, writing = os.pipe()
    output = JailOutput(reactor, Process(), 1, reading, False)
    output.start()
    output.close()

    new = os.open("/dev/null", os.O_RDONLY)
    assert new != reading
    assert output not in reactor.getReaders()

    await deferLater(reactor, 0)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)
    os.close(new)
    os.close(writing)


@pytest.fixture
def pipe():
    """Return both ends."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(writing)


@ensureDeferred
async def test_an_output_is_lent_only_while_it_is_held(pipe):
    """Two readers would mix its bytes up; whoever holds it once more, or reads the rest, has it alone."""
    reading, writing = pipe
    output = JailOutput(reactor, Process(), 1, reading, False)
    output.start()
    assert output.lend() is None

    output.hold()
    os.write(writing, b"lent")
    loan = output.lend()
    assert loan.take(bytes) == b"lent"
    os.write(writing, b"kept")
    output.hold()
    assert loan.take(bytes) is None

    loan = output.lend()
    output.drain()
    os.write(writing, b"late")
    assert loan.take(bytes) is None
    output.close()
    await deferLater(reactor, 0)


@ensureDeferred
async def test_a_terminal_is_not_lent():
    """It gives out little at once."""
    master, slave = os.openpty()
    output = JailOutput(reactor, Process(), 1, master, True)

    assert output.lend() is None

    output.close()
    os.close(slave)
    await deferLater(reactor, 0)


@ensureDeferred
async def test_nothing_is_lent_once_the_process_exited(pipe):
    """What is left is read in one go, and a second reader would mix it up."""
    reading, _ = pipe
    process = Process()
    output = JailOutput(reactor, process, 1, reading, False)
    output.hold()
    assert output.lend() is not None

    process.exit = ExitRecord(1, 0, None, 0.0)

    assert output.lend() is None
    output.close()
    await deferLater(reactor, 0)
