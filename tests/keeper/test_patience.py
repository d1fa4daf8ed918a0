"""Operations that take too long, and workers that die."""

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest

from runjd.keeper import messages
from tests.keeper.daemon import Failed
from tests.keeper.running import RunningKeeper, process_of


@pytest.fixture
def keeper(private_dir: str) -> Iterator[RunningKeeper]:
    """Return a keeper whose operations may take 1.5 s, and are odd."""
    running = RunningKeeper(private_dir, "--worker-time", "1.5", module="tests.keeper.odd_operations")
    yield running
    running.end()


def test_an_operation_that_hangs_is_ended(keeper: RunningKeeper) -> None:
    """An operation that takes too long fails with TIMEOUT, its worker is gone, and other jails are not delayed."""
    daemon = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/sleep", "1000")
    daemon.run("web", bundle)
    lock = os.open(f"{keeper.root}/web", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)

    req = daemon.ask(messages.ask_delete, "web", True)
    daemon.run("other", bundle)
    with pytest.raises(Failed, match="TIMEOUT"):
        daemon.answer(req)

    os.close(lock)
    daemon.delete("web")
    assert daemon.exit("web")["signal"] == signal.SIGKILL


@pytest.mark.parametrize(("jail", "code"), [("hangs", "TIMEOUT"), ("dies", "INTERNAL"), ("leaves", "INTERNAL")])
def test_a_run_without_an_end_leaves_nothing(keeper: RunningKeeper, jail: str, code: str) -> None:
    """Where the worker of a run hangs or dies, what it had made is removed before that is told."""
    daemon = keeper.greeted()
    before = keeper.descriptors()

    with pytest.raises(Failed) as failed:
        daemon.run(jail, keeper.bundle("web", "/bin/sleep", f"1000.{os.getpid()}"))

    assert failed.value.code == code
    assert os.listdir(keeper.root) == []
    keeper.wait(lambda: _children(keeper.pid) == [], "end of the processes")
    assert keeper.descriptors() == before


def test_a_run_that_dies_leaves_its_namesake_alone(keeper: RunningKeeper) -> None:
    """Where the jail was there before, the death of a second run's worker does not touch it."""
    daemon = keeper.greeted()
    bundle = keeper.bundle("web", "/bin/sleep", "1000")
    daemon.run("web", bundle)
    os.rename(f"{keeper.root}/web", f"{keeper.root}/hangs")

    with pytest.raises(Failed, match="EXISTS"):
        daemon.run("hangs", bundle)

    os.rename(f"{keeper.root}/hangs", f"{keeper.root}/web")
    daemon.exec("web", "e1", process_of("/bin/true"))


@pytest.mark.parametrize(
    ("name", "code"), [("hangs", "TIMEOUT"), ("dies", "INTERNAL"), ("raises", "INTERNAL"), ("refuses", "BAD_ARG")]
)
def test_an_exec_without_an_end_is_an_error(keeper: RunningKeeper, name: str, code: str) -> None:
    """Whatever becomes of the worker of an exec, the request is answered, and the jail goes on."""
    daemon = keeper.greeted()
    daemon.run("web", keeper.bundle("web", "/bin/sleep", "1000"))

    with pytest.raises(Failed) as failed:
        daemon.exec("web", name, process_of("/bin/true"))

    assert failed.value.code == code
    daemon.exec("web", "well", process_of("/bin/true"))


def test_an_answer_that_is_too_long_is_an_error(keeper: RunningKeeper) -> None:
    """A worker whose answer does not fit into a message says so instead."""
    daemon = keeper.greeted()
    daemon.run("babbles", keeper.bundle("web", "/bin/sleep", "1000"))

    with pytest.raises(Failed, match="cannot be sent"):
        daemon.do(messages.ask_process, "babbles")


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()
