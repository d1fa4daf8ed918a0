"""containerd on a host without a daemon: the shim sees to one, whatever happens to it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.peers.machine import Machine, MachineError, until
from tests.peers.programs import PATH
from tests.peers.tasks import PrivateTasks

pytestmark = pytest.mark.root

#: seconds
_STORM = 20.0


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateTasks]:
    """Return containerd without a daemon."""
    for program in ("containerd", "ctr"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (as root, make test installs it)")
    directory = tmp_path_factory.mktemp("private")
    try:
        machine = Machine(str(directory), {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
    except MachineError as error:
        pytest.skip(f"no machine of its own for containerd: {error}")
    try:
        with PrivateTasks(machine, directory, "runj") as running:
            yield running
    finally:
        machine.switch_off()


@pytest.fixture
def box(tasks: PrivateTasks) -> Iterator[str]:
    """Return the name of a container to be, which is removed after the test."""
    name = tasks.name()
    yield name
    tasks.remove(name)


def test_a_daemon_is_started_by_the_first_task(tasks: PrivateTasks, box: str) -> None:
    """And serves the next ones, also those of another namespace, which has a relay of its own."""
    assert tasks.pids("twistd") == []
    done = tasks.run("--rm", box, "sh", "-c", "echo out; exit 7")
    first = tasks.pids("twistd")
    tasks.good(f"image import --snapshotter native {tasks.archive}", namespace="other")
    other = tasks.run("--rm", box, "sh", "-c", "exit 8", namespace="other")

    assert (done.status, done.out, other.status) == (7, b"out\n", 8)
    assert (len(first), tasks.pids("twistd")) == (1, first)
    assert len(tasks.pids(" relay")) == 2


def test_a_daemon_that_is_killed_is_replaced(tasks: PrivateTasks, box: str) -> None:
    """The next question of containerd starts another one, and gets the same answer."""
    tasks.run("--detach", box, "sleep", "1000")
    before = tasks.good("task ls")
    first = tasks.kill("twistd")
    # containerd gives each answer two seconds, which a busy machine may need to start a daemon
    until(lambda: tasks.good("task ls") == before)

    assert tasks.pids("twistd") not in ([], [first])
    assert tasks("task exec --exec-id one", box, "sh", "-c", "exit 3").status == 3


@pytest.mark.thorough
def test_no_run_is_lost_while_daemons_are_killed_again_and_again(tasks: PrivateTasks) -> None:
    """Wherever in the life of a container the deaths fall: each has its output once, and its own exit status."""
    deadline = time.monotonic() + _STORM

    def run() -> list[tuple[int, bytes]]:
        found = []
        while time.monotonic() < deadline:
            name = tasks.name()
            status = 1 + len(found) % 99
            done = tasks.run("--rm", name, "sh", "-c", f"echo {name}; sleep 0.3; exit {status}")
            if (done.status, done.out) != (status, f"{name}\n".encode()):
                found.append((done.status, done.out + done.err))
        return found

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(run) for _ in range(3)]
        kills = 0
        while time.monotonic() < deadline:
            if tasks.pids("twistd") and tasks.served() > kills:
                tasks.kill("twistd")
                kills += 1
            time.sleep(0.5)
        lost = [each for future in running for each in future.result()]

    assert lost == []
    assert kills >= 3


def test_everything_of_ours_is_killed(tasks: PrivateTasks, box: str) -> None:
    """Without relays, daemon and keeper containerd takes its tasks for dead, and nothing of them is left."""
    tasks.run("--detach", box, "sleep", "1234")
    for pid in (*tasks.pids("runjd-keeper"), *tasks.pids("twistd"), *tasks.pids(" relay")):
        tasks.machine.run("kill", "-KILL", str(pid))
    until(lambda: tasks.status(box) == "")
    until(lambda: tasks.pids("sleep 1234") == [])
    until(lambda: "io.containerd.runtime" not in tasks.machine.path("/proc/1/mounts").read_text())
    tasks.remove(box)
    done = tasks.run("--rm", box, "sh", "-c", "exit 4")

    assert done.status == 4, done.complaint


@pytest.mark.thorough
def test_a_relay_ends_behind_the_last_task(tasks: PrivateTasks, box: str) -> None:
    """Some time after it; daemon and keeper stay for the next one."""
    assert tasks.run("--rm", box, "true").status == 0
    until(lambda: tasks.pids(" relay") == [])

    assert len(tasks.pids("twistd")) == 1
    assert len(tasks.pids("runjd-keeper")) <= 2  # beside the keeper a worker may wait
    assert tasks.run("--rm", box, "sh", "-c", "exit 6").status == 6
