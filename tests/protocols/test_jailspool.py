"""What a process wrote while no daemon was there comes before what it writes now."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pytest_twisted import ensureDeferred

from runjd.protocols.jailspool import READ_SIZE
from tests.protocols.jailbench import DONE, Bench, until


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    """Return a process on FIFOs."""
    made = Bench(str(tmp_path))
    yield made
    made.end()


def spool(tmp_path, data: bytes) -> int:
    """Return the descriptor of a file, to be read from its beginning."""
    (tmp_path / "spool").write_bytes(data)
    return os.open(tmp_path / "spool", os.O_RDONLY)


@ensureDeferred
async def test_the_spool_comes_first(bench, tmp_path):
    """Then the FIFO, whatever it has had meanwhile."""
    os.write(bench.out, b"later\n")
    bench.process.precede(1, spool(tmp_path, b"x" * 2 * READ_SIZE + b"earlier\n"))
    bench.process.connect()

    await until(lambda: bench.protocol.data[1].endswith(b"later\n"))
    assert bench.protocol.data[1] == b"x" * 2 * READ_SIZE + b"earlier\nlater\n"


@ensureDeferred
async def test_it_waits_while_the_output_is_held(bench, tmp_path):
    """One piece at a time, as the log is ready for it; and no other thread may read the FIFO until it is read."""
    bench.process.precede(1, spool(tmp_path, b"x" * READ_SIZE + b"rest"))
    came = bench.protocol.childDataReceived

    def hold(child_fd, data):
        came(child_fd, data)
        bench.process.hold(child_fd)

    bench.protocol.childDataReceived = hold
    bench.process.connect()

    await until(lambda: bench.protocol.data[1])
    assert bench.protocol.data[1] == b"x" * READ_SIZE
    assert bench.process.lend(1) is None
    bench.process.release(1)
    await until(lambda: bench.protocol.data[1].endswith(b"rest"))


@ensureDeferred
async def test_all_of_it_comes_before_the_exit(bench, tmp_path):
    """And what the FIFO still has, although the output is held."""
    os.write(bench.out, b"later\n")
    bench.process.precede(1, spool(tmp_path, b"x" * 2 * READ_SIZE))
    bench.process.connect()
    bench.process.hold(1)

    bench.process.exited(DONE)

    assert bench.protocol.data[1] == b"x" * 2 * READ_SIZE + b"later\n"
    assert bench.protocol.heard[0] == "exited"


@ensureDeferred
async def test_what_was_not_read_is_there_for_the_next_daemon(bench, tmp_path):
    """The descriptor of the keeper, which shares the description, is where we stopped."""
    fd = spool(tmp_path, b"x" * READ_SIZE + b"rest")
    kept = os.dup(fd)
    bench.process.precede(1, fd)
    came = bench.protocol.childDataReceived

    def let_go(child_fd, data):
        came(child_fd, data)
        bench.process.let_go()

    bench.protocol.childDataReceived = let_go
    bench.process.connect()

    await until(lambda: bench.protocol.data[1])
    assert os.read(kept, 100) == b"rest"
    os.close(kept)
