"""The worker that waits for its job."""

import _socket
import os
import signal
import time
from collections.abc import Iterator

import pytest

from runjd.keeper.loop import Loop
from runjd.keeper.spare import Spare
from runjd.keeper.wire import encode
from tests.keeper.running import RunningKeeper, process_of


@pytest.fixture
def keeper(private_dir: str) -> Iterator[RunningKeeper]:
    """Return a keeper with a spare worker, which it keeps for a second."""
    running = RunningKeeper(private_dir, "--spare-time=1")
    yield running
    running.end()


def _spare(keeper: RunningKeeper, but: int = 0) -> int:
    """Wait for the keeper's worker that waits, another one than before, and return its pid."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [pid for pid in _children(keeper.pid) if pid != but and _is_keeper(pid)]
        return bool(found)

    keeper.wait(is_there, "a spare worker")
    return found[0]


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(each) for each in file.read().split()]


def _is_keeper(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"--spare-time=1" in file.read().split(b"\0")
    except OSError:
        return False


def test_the_next_job_is_done_by_who_waits_for_it(keeper: RunningKeeper) -> None:
    """Without isolation it becomes the process itself; and there is another one for the job after that."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    spare = _spare(keeper)

    ran = daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))

    assert ran["pid"] == spare
    assert _spare(keeper, but=spare) != spare


def test_who_is_killed_while_he_waits_is_missed_by_nobody(keeper: RunningKeeper) -> None:
    """The next job is done by another one."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    spare = _spare(keeper)

    os.kill(spare, signal.SIGKILL)
    keeper.wait(lambda: spare not in _children(keeper.pid), "the end of the one that was killed")
    daemon.exec("web", "e1", process_of("/bin/sh", "-c", "exit 3"))

    assert daemon.exit("web", "e1")["status"] == 3


def test_a_job_that_is_too_long_to_be_given_is_done_by_another_one(keeper: RunningKeeper) -> None:
    """The keeper never waits until a worker has read."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))
    _spare(keeper)
    long = process_of("/bin/sh", "-c", "exit ${#X0}")
    long["env"] = [*(f"X{number}=" + "x" * 100_000 for number in range(1, 8)), "X0=1234567"]

    daemon.exec("web", "e1", long)

    assert daemon.exit("web", "e1")["status"] == 7


def test_a_keeper_that_has_nothing_to_do_has_no_worker(keeper: RunningKeeper) -> None:
    """Some time after the last job it is let go, and reaped, and its descriptor is closed."""
    daemon = keeper.greeted()
    before = keeper.descriptors()
    daemon.run("web", keeper.bundle("web", "/bin/true"))
    daemon.ack(daemon.exit("web"))
    daemon.delete("web")
    spare = _spare(keeper)

    keeper.wait(lambda: spare not in _children(keeper.pid), "the end of the spare worker")
    keeper.wait(lambda: keeper.descriptors() == before, "its descriptor")


def test_it_ends_with_its_keeper(keeper: RunningKeeper) -> None:
    """However that ends."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/true"))
    daemon.exit("web")
    spare = _spare(keeper)

    keeper.kill()

    deadline = time.monotonic() + 10
    while _is_keeper(spare):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_is_given_one_job() -> None:
    """Who was given one is a spare no more, and a fork that fails is no spare."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    forks = [(17, ours)]

    def fork() -> tuple[int, _socket.socket]:
        if not forks:
            raise OSError("no more")
        return forks.pop()

    loop = Loop(time.monotonic, lambda error: None)
    spare = Spare(loop, fork)
    assert spare.give({"m": "x"}) is None
    spare.want()
    loop.turn()

    assert spare.give({"m": "exec"}) == (17, ours)
    assert theirs.recv(100) == encode({"m": "exec"})
    spare.want()
    loop.turn()
    assert spare.give({"m": "x"}) is None
    assert not spare.ended(17)
    ours.close()
    theirs.close()


def test_it_is_known_until_it_is_reaped() -> None:
    """So that nobody inside a jail can pass it off as his own process; whoever has a job is no spare any more."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    others = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    forks = [(18, others[0]), (17, ours)]
    loop = Loop(time.monotonic, lambda error: None)
    spare = Spare(loop, forks.pop)
    spare.want()
    loop.turn()
    assert 17 in spare

    spare.give({"m": "exec"})
    assert 17 not in spare
    spare.want()
    loop.turn()
    spare.let_go()
    assert 18 in spare

    assert spare.ended(18)
    assert 18 not in spare
    for each in (ours, theirs, others[1]):
        each.close()
