"""The transport of a jail's process, on real FIFOs."""

import fcntl
import os
from collections.abc import Iterator

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IConsumer, IProcessTransport, IPushProducer
from zope.interface.verify import verifyObject

from runjd.policy.facts import ExitRecord
from runjd.protocols.jailoutput import READ_SIZE
from tests.protocols.jailbench import DONE, PID, Bench, turns, until


@pytest.fixture
def bench(private_dir) -> Iterator[Bench]:
    """Return a connected process on FIFOs."""
    bench = Bench(private_dir, drain_limit=0.05)
    bench.process.connect()
    yield bench
    bench.end()


def test_it_is_what_twisted_asks_for(bench):
    """The transport provides the interfaces of Twisted's own process transports."""
    for interface in (IProcessTransport, IConsumer, IPushProducer):
        verifyObject(interface, bench.process)
    assert bench.protocol.transport is bench.process
    assert bench.process.pid == PID


@ensureDeferred
async def test_output_comes_by_its_stream(bench):
    """Standard output and error are told apart."""
    os.write(bench.out, b"hello")
    os.write(bench.err, b"oops")

    await until(lambda: bench.protocol.data == {1: b"hello", 2: b"oops"})


@ensureDeferred
async def test_a_stream_is_read_once_in_a_turn(private_dir):
    """However much is there, one turn of the reactor reads one piece of each stream."""
    bench = Bench(private_dir)
    fcntl.fcntl(bench.out, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.write(bench.out, b"x" * 500_000)
    at: list[int] = []
    turn = 0
    bench.protocol.childDataReceived = lambda child_fd, data: at.append(turn)
    bench.process.connect()
    try:
        while len(at) < 4 and turn < 100:
            await turns(1)
            turn += 1
        assert len(at) == len(set(at)) == 4
    finally:
        bench.end()


@pytest.mark.linux
@ensureDeferred
async def test_the_pipe_of_a_program_that_writes_much_is_widened(bench):
    """It then holds what one read takes; that of a quiet program costs no more than it must."""
    size = fcntl.fcntl(bench.err, fcntl.F_GETPIPE_SZ)
    os.write(bench.out, b"x" * size)
    os.write(bench.err, b"x")
    await until(lambda: bench.protocol.data[1] and bench.protocol.data[2])

    assert fcntl.fcntl(bench.out, fcntl.F_GETPIPE_SZ) == READ_SIZE
    assert fcntl.fcntl(bench.err, fcntl.F_GETPIPE_SZ) == size


@ensureDeferred
async def test_a_held_stream_is_not_read_and_the_other_is(bench):
    """A stream is read again when it was released as often as held."""
    bench.process.hold(1)
    bench.process.hold(1)
    os.write(bench.out, b"held")
    os.write(bench.err, b"free")
    await until(lambda: bench.protocol.data[2] == b"free")
    bench.process.release(1)
    await turns()
    assert bench.protocol.data[1] == b""

    bench.process.release(1)

    await until(lambda: bench.protocol.data[1] == b"held")


@ensureDeferred
async def test_an_exit_comes_behind_all_output(bench):
    """What was written before the exit is delivered before it, though the stream is held."""
    bench.process.hold(1)
    os.write(bench.out, b"o" * 60_000)
    os.write(bench.err, b"e" * 60_000)
    bench.close(bench.out, bench.err)

    bench.process.exited(DONE)

    assert [len(each) for each in bench.protocol.data.values()] == [60_000, 60_000]
    assert bench.protocol.heard == ["lost 1", "lost 2", "exited", "ended"]
    assert isinstance(bench.protocol.reason, ProcessDone)


@ensureDeferred
async def test_the_end_waits_for_grandchildren_but_not_for_ever(bench):
    """Who still holds the output is heard after the exit, until the drain limit."""
    bench.close(bench.err)
    bench.process.exited(DONE)
    assert bench.protocol.heard == ["lost 2", "exited"]

    os.write(bench.out, b"late")
    await until(lambda: bench.protocol.data[1] == b"late")
    await until(lambda: bench.protocol.heard[-1] == "ended")

    assert bench.protocol.heard == ["lost 2", "exited", "lost 1", "ended"]


@ensureDeferred
async def test_the_end_comes_at_once_when_the_last_grandchild_goes(private_dir):
    """The drain limit is not waited for where nobody holds the output."""
    bench = Bench(private_dir, drain_limit=100.0)
    bench.process.connect()
    try:
        bench.process.exited(DONE)
        os.write(bench.out, b"late")
        bench.close(bench.out, bench.err)
        await until(lambda: bench.protocol.heard[-1] == "ended")
        assert bench.protocol.data[1] == b"late"
    finally:
        bench.end()


@pytest.mark.parametrize(
    ("record", "code", "signal"),
    [
        (ExitRecord(PID, 3, None, 1.0), 3, None),
        (ExitRecord(PID, None, 9, 1.0), None, 9),
        (ExitRecord(PID, None, None, 1.0), None, None),
    ],
)
def test_the_reason_is_twisteds(bench, record, code, signal):
    """Status and signal are told as Twisted's own processes tell them; an unknown exit has neither."""
    bench.process.exited(record)

    assert isinstance(bench.protocol.reason, ProcessTerminated)
    assert (bench.protocol.reason.exitCode, bench.protocol.reason.signal) == (code, signal)
    assert bench.process.exit is record


@ensureDeferred
async def test_a_program_that_closes_its_output_runs_on(bench):
    """The end of a stream is told, costs nothing from then on, and is no exit."""
    bench.close(bench.out)
    await until(lambda: bench.protocol.heard == ["lost 1"])

    os.write(bench.err, b"alive")
    await until(lambda: bench.protocol.data[2] == b"alive")
    assert len([each for each in reactor.getReaders() if each.logPrefix() == "jail output"]) == 1


@ensureDeferred
async def test_a_closed_stream_haunts_nobody(bench):
    """The keeper holds the same description, and still no event of a closed stream comes."""
    bench.process.closeStdout()
    os.write(bench.out, b"into the keeper's FIFO")
    os.write(bench.err, b"seen")
    await until(lambda: bench.protocol.data[2] == b"seen")

    assert bench.protocol.data[1] == b""
    assert os.read(bench.kept[1], 100) == b"into the keeper's FIFO"


@ensureDeferred
async def test_a_failing_protocol_keeps_its_streams(bench):
    """What a protocol raises does not stop the reading."""
    seen: list[bytes] = []

    def fail_once(child_fd, data):
        seen.append(data)
        raise ValueError("a fault of the protocol")

    bench.protocol.childDataReceived = fail_once
    os.write(bench.out, b"1")
    await until(lambda: seen == [b"1"])
    os.write(bench.out, b"2")
    await until(lambda: seen == [b"1", b"2"])


@ensureDeferred
async def test_letting_go_tells_nobody_and_leaves_the_output(bench):
    """A daemon that ends leaves unread output to the next one."""
    bench.process.let_go()
    os.write(bench.out, b"for the next daemon")
    bench.process.exited(DONE)
    await turns()

    assert bench.protocol.heard == []
    assert os.read(bench.kept[1], 100) == b"for the next daemon"


@pytest.mark.parametrize(("signal", "number"), [("TERM", 15), ("SIGKILL", 9), ("INT", 2), (1, 1)])
def test_signals_go_through_the_keeper(bench, signal, number):
    """Only the parent signals, by number, whatever the name is."""
    bench.process.signalProcess(signal)

    assert bench.keeper.asked == [f"signal {number}"]


def test_an_exited_process_is_not_signalled(bench):
    """As with Twisted's own processes."""
    bench.process.exited(DONE)

    with pytest.raises(ProcessExitedAlready):
        bench.process.signalProcess("KILL")


def test_an_unknown_signal_is_refused(bench):
    """As with Twisted's own processes."""
    with pytest.raises(ValueError, match="no signal named"):
        bench.process.signalProcess("NONSENSE")
