"""One output of a process."""

import os
import subprocess
import sys

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import deferLater

from runjd.policy.facts import ExitRecord
from runjd.protocols.jailoutput import JailOutput
from tests.cli.program import ROOT

_HEAP = f"""
import sys; sys.path.insert(0, {ROOT!r})
import os
from twisted.internet.task import Clock
from runjd.kernel.heap import settle_heap
from runjd.protocols.jailoutput import JailOutput
settle_heap(1 << 20)
class Reactor(Clock):
    def addReader(self, reader):
        pass
class Process:
    exit = None
    kept = []
    def output_came(self, child_fd, data):
        self.kept.append(data)
def heap():
    with open("/proc/self/maps") as file:
        [line] = [line for line in file if line.endswith("[heap]\\n")]
    begin, end = line.split()[0].split("-")
    return int(end, 16) - int(begin, 16)
reading, writing = os.pipe()
output = JailOutput(Reactor(), Process(), 1, reading, False)
output.start()
chunks, small = [], []
for _ in range(500):
    chunks.append(b"x" * 65_536)
    small.append(bytes(9000))
chunks.clear()
before = heap()
for _ in range(5000):
    os.write(writing, b"y" * 600)
    output.doRead()
print(len(Process.kept), heap() - before)
"""


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


@pytest.mark.linux
@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="the C library is not glibc")
def test_what_is_kept_of_an_output_lies_where_the_heap_has_room():
    """A read asks for far more than it finds; what is left of that at the upper end would hold all below it."""
    done = subprocess.run([sys.executable, "-c", _HEAP], capture_output=True, text=True, check=True)
    assert done.stdout == "5000 0\n"
