"""A jail's process on a real pty."""

import fcntl
import os
import termios
from collections.abc import Iterator

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor

from tests.protocols.jailbench import DONE, TerminalBench, turns, until


@pytest.fixture
def terminal(private_dir) -> Iterator[TerminalBench]:
    """Return a process on a pty."""
    bench = TerminalBench(private_dir)
    yield bench
    bench.end()


@ensureDeferred
async def test_a_terminal_goes_both_ways(terminal):
    """Output is standard output, and input needs nothing of the keeper."""
    os.write(terminal.slave, b"$ ")
    await until(lambda: terminal.protocol.data[1] == b"$ ")

    terminal.process.write(b"ls\n")

    assert os.read(terminal.slave, 100) == b"ls\n"
    assert terminal.keeper.asked == []


@ensureDeferred
async def test_a_terminal_that_is_reopened_is_read_again(terminal):
    """While the program lives, EIO means that nobody has the terminal open now."""
    os.write(terminal.slave, b"1")
    terminal.hang_up()
    await until(lambda: terminal.protocol.data[1] == b"1")
    await turns(5)
    assert terminal.protocol.heard == []

    terminal.slave = os.open(terminal.name, os.O_RDWR | os.O_NOCTTY)
    os.write(terminal.slave, b"2")

    await until(lambda: terminal.protocol.data[1] == b"12")


@ensureDeferred
async def test_a_terminal_that_nobody_has_open_costs_nothing(terminal):
    """The hang-up of a terminal does not make the reactor spin."""
    terminal.hang_up()
    await turns(5)

    assert not [each for each in reactor.getReaders() if each.logPrefix() == "jail output"]


@ensureDeferred
async def test_the_exit_on_a_terminal_comes_behind_all_output(terminal):
    """All that the terminal has is delivered before the exit."""
    os.set_blocking(terminal.slave, False)
    written = 0
    try:
        while True:
            written += os.write(terminal.slave, b"x" * 1000)
    except BlockingIOError:
        terminal.hang_up()

    terminal.process.exited(DONE)

    assert len(terminal.protocol.data[1]) == written > 3000
    assert terminal.protocol.heard == ["lost 1", "exited", "ended"]


def test_a_terminal_gets_its_size(terminal):
    """The size is the kernel's business, who signals the programs."""
    terminal.process.resize(50, 132)

    size = fcntl.ioctl(terminal.slave, termios.TIOCGWINSZ, b"\0" * 8)
    assert size[:4] == (50).to_bytes(2, "little") + (132).to_bytes(2, "little")


def test_the_end_of_input_of_a_terminal_is_a_character(terminal):
    """No half of a terminal can be closed, so ^D says that nothing more comes."""
    terminal.process.closeStdin()

    assert os.read(terminal.slave, 10) == b"\x04"


@ensureDeferred
async def test_a_terminal_that_does_not_read_makes_writers_wait(terminal):
    """Pasting more than the terminal takes loses nothing."""
    data = b"0123456789abcde\n" * 10_000
    waits = terminal.process.feed(data)
    assert waits is not None
    os.set_blocking(terminal.slave, False)

    read = bytearray()
    while len(read) < len(data):
        try:
            read += os.read(terminal.slave, 4096)
        except BlockingIOError:
            await turns(1)

    assert bytes(read) == data
    await waits
