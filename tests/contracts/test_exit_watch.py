"""What every watch of exits does: the one of this kernel, and kqueue in memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Iterator

import pytest

from runjd.kernel import process
from runjd.kernel.exitwatch import Ended, ExitWatch, exit_watch
from runjd.kernel.freebsd.kqueuewatch import KqueueWatch
from runjd.kernel.recorder.kernel import FreeBSDRecorder

PATIENCE = 10.0


class ThisKernel:
    """Real processes, which are no children of ours."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}

    def make_watch(self) -> ExitWatch:
        return exit_watch()

    def start(self) -> int:
        """Return the pid of an orphan that waits to be told how to end."""
        orders, told = os.pipe(), os.pipe()
        middle = os.fork()
        if middle == 0:
            if os.fork() == 0:
                os.close(orders[1])
                _obey(orders[0], told[1])
            os._exit(0)
        os.waitpid(middle, 0)
        os.close(orders[0])
        os.close(told[1])
        pid = int(os.read(told[0], 20))
        os.close(told[0])
        self._ends[pid] = orders[1]
        return pid

    def start_time(self, pid: int) -> int:
        return process.start_time(pid)

    def exit(self, pid: int, status: int) -> None:
        os.write(self._ends[pid], bytes([status >> 8, status & 0x7F]))
        os.close(self._ends.pop(pid))
        _until(lambda: _is_dead(pid))

    def child(self) -> int:
        """Return a zombie, a child of ours, that exited with 3."""
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid

    def reap(self, pid: int) -> None:
        os.waitpid(pid, 0)

    def close(self) -> None:
        for pid in list(self._ends):
            self.exit(pid, 0)


class Memory:
    """The same of FreeBSD in memory."""

    def __init__(self) -> None:
        self._kernel = FreeBSDRecorder()

    def make_watch(self) -> ExitWatch:
        return KqueueWatch(self._kernel.event_queue(), self._kernel.process)

    def start(self) -> int:
        return self._kernel.fork()

    def start_time(self, pid: int) -> int:
        seen = self._kernel.process(pid)
        assert seen is not None
        return seen.start_time

    def exit(self, pid: int, status: int) -> None:
        self._kernel.exit(pid, status)

    def child(self) -> int:
        pid = self._kernel.fork()
        self._kernel.exit(pid, 3 << 8)
        return pid

    def reap(self, pid: int) -> None:
        self._kernel.reap(pid)

    def close(self) -> None:
        """Nothing is left of it anyway."""


Machine = ThisKernel | Memory


@pytest.fixture(params=[ThisKernel, Memory])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Return a machine whose processes all end."""
    made: Machine = request.param()
    yield made
    made.close()


@pytest.fixture
def watch(machine: Machine) -> Iterator[ExitWatch]:
    """Return a new watch."""
    made = machine.make_watch()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("wait_status", "status", "signum"),
    [(0, 0, None), (7 << 8, 7, None), (255 << 8, 255, None), (signal.SIGKILL, None, 9), (signal.SIGTERM, None, 15)],
)
def test_the_end_of_a_stranger_is_told_as_it_was(machine, watch, wait_status, status, signum) -> None:
    """A process need not be our child; it is told once, with its status or its signal."""
    pid = machine.start()
    start = machine.start_time(pid)
    watch.watch(pid, start)
    assert watch.ended() == []

    machine.exit(pid, wait_status)

    assert watch.ended() == [Ended(pid, start, status, signum, False)]
    assert watch.ended() == []


def test_only_the_one_that_ended_is_told(machine, watch) -> None:
    """Of several, each in its turn."""
    pids = [machine.start() for _ in range(4)]
    for pid in pids:
        watch.watch(pid, machine.start_time(pid))

    for pid in reversed(pids):
        machine.exit(pid, 1 << 8)
        assert [each.pid for each in watch.ended()] == [pid]


def test_a_zombie_is_told_at_once(machine, watch) -> None:
    """Whoever comes late is not left to wait."""
    pid = machine.child()

    watch.watch(pid, machine.start_time(pid))

    assert [(each.pid, each.status) for each in watch.ended()] == [(pid, 3)]
    machine.reap(pid)


def test_who_was_reaped_before_we_looked_is_told_all_the_same(machine, watch) -> None:
    """The status is kept for us, whatever its parent did."""
    if isinstance(machine, ThisKernel) and not _keeps_status():
        assert not watch.is_patient
        pytest.skip("this kernel forgets the status of who was reaped (Linux before 6.15)")
    pid = machine.child()
    watch.watch(pid, machine.start_time(pid))
    machine.reap(pid)

    assert [(each.pid, each.status) for each in watch.ended()] == [(pid, 3)]


def test_another_start_is_a_stranger(machine, watch) -> None:
    """A pid that was given away again is not watched."""
    pid = machine.start()

    with pytest.raises(ProcessLookupError):
        watch.watch(pid, machine.start_time(pid) + 1)

    machine.exit(pid, 0)
    assert watch.ended() == []


def test_who_is_gone_cannot_be_watched(machine, watch) -> None:
    """It is said, and nothing is left of the attempt."""
    pid = machine.child()
    start = machine.start_time(pid)
    machine.reap(pid)

    with pytest.raises(ProcessLookupError):
        watch.watch(pid, start)
    assert watch.ended() == []


def test_who_is_forgotten_is_not_told(machine, watch) -> None:
    """Nor is it an error to forget it twice, or after its end."""
    first, second = machine.start(), machine.start()
    for pid in (first, second):
        watch.watch(pid, machine.start_time(pid))
    watch.forget(first)
    watch.forget(first)
    machine.exit(first, 0)
    machine.exit(second, 0)
    watch.forget(second)

    assert watch.ended() == []


def test_a_watch_of_the_kernel_wakes_who_polls() -> None:
    """Its descriptor is readable from the end of a process until that was told."""
    machine, watch = ThisKernel(), exit_watch()
    pid = machine.start()
    watch.watch(pid, machine.start_time(pid))
    assert select.select([watch.fileno()], [], [], 0)[0] == []

    machine.exit(pid, 0)

    assert select.select([watch.fileno()], [], [], PATIENCE)[0] == [watch.fileno()]
    watch.ended()
    assert select.select([watch.fileno()], [], [], 0)[0] == []
    watch.close()


def test_no_descriptor_is_left() -> None:
    """What was told, forgotten, refused or watched to the last has none any more."""
    machine = ThisKernel()
    pids = [machine.start() for _ in range(3)]
    before = os.listdir("/dev/fd")
    watch = exit_watch()
    for pid in pids:
        watch.watch(pid, machine.start_time(pid))
    with pytest.raises(ProcessLookupError):
        watch.watch(os.getpid(), 1)
    watch.forget(pids[0])
    machine.exit(pids[1], 0)
    watch.ended()
    watch.close()

    assert len(os.listdir("/dev/fd")) == len(before) - 1  # that of the orders to the one that ended
    machine.close()


def _obey(orders: int, told: int) -> None:
    """In the orphan: say the pid, wait for a status, and end so; nothing of the test runs here."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.setsid()
        os.write(told, str(os.getpid()).encode())
        os.close(told)
        status, signum = os.read(orders, 2) or b"\0\0"
        if signum:
            signal.signal(signum, signal.SIG_DFL) if signum != signal.SIGKILL else None
            os.kill(os.getpid(), signum)
            signal.pause()
        os._exit(status)
    finally:
        os._exit(99)


def _is_dead(pid: int) -> bool:
    seen = process.look(pid)
    return seen is None or not seen.alive


def _until(is_met) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _keeps_status() -> bool:
    release = os.uname().release.split(".")
    return os.uname().sysname != "Linux" or (int(release[0]), int(release[1].split("-")[0])) >= (6, 15)


def test_what_one_held_another_goes_on_with(machine, watch) -> None:
    """As after an execve(2): the end is told as it was; what cannot be handed on is watched anew."""
    pid = machine.start()
    start = machine.start_time(pid)
    watch.watch(pid, start)
    held = {each: os.dup(fd) for each, fd in watch.held().items()}
    other = machine.make_watch()

    if pid in held:
        other.go_on(pid, start, held.pop(pid))
    else:
        other.watch(pid, start)
    machine.exit(pid, 7 << 8)

    assert held == {}
    assert other.ended() == [Ended(pid, start, 7, None, False)]
    other.close()
