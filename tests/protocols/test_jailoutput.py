"""One output of a process."""

import os

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import deferLater

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
