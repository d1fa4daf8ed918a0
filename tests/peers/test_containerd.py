"""containerd's own shim for runc, with another runtime (ctr run --runc-binary)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.peers.containerd import Containerd
from tests.peers.machine import Machine, MachineError, until
from tests.peers.programs import PATH
from tests.peers.thorough import WANTED

pytestmark = pytest.mark.root


@pytest.fixture(scope="module", params=WANTED or ["runj"])
def containerd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    """Return containerd, which calls the runtime."""
    for program in ("containerd", "ctr", "containerd-shim-runc-v2"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (as root, make test installs it)")
    directory = tmp_path_factory.mktemp("containerd")
    try:
        machine = Machine(str(directory), {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
    except MachineError as error:
        pytest.skip(f"no machine of its own for containerd: {error}")
    try:
        with Containerd(machine, directory, request.param) as running:
            yield running
    finally:
        machine.switch_off()


@pytest.fixture
def box(containerd: Containerd) -> Iterator[str]:
    """Return the name of a container to be, which is removed after the test."""
    name = containerd.name()
    yield name
    containerd.remove(name)


def test_a_container_runs_to_its_end(containerd: Containerd, box: str) -> None:
    """Its output comes out, and its exit status is that of ctr."""
    done = containerd.run("--rm", box, "sh", "-c", "echo out; echo err >&2; exit 7")

    assert (done.status, done.out, done.err) == (7, b"out\n", b"err\n")


@pytest.mark.parametrize("command", ["no-such-program", "/no/such/program", "/etc/nothing-to-run"])
def test_a_container_that_cannot_be_made_is_told(containerd: Containerd, box: str, command: str) -> None:
    """What the runtime wrote into its log comes out at the other end, and nothing is left."""
    done = containerd.run("--rm", box, command)

    assert done.status == 1
    assert "OCI runtime create failed: " in done.complaint
    assert f'"{command}": ' in done.complaint
    assert containerd.status(box) == ""


def test_a_detached_container_lives_until_it_is_killed(containerd: Containerd, box: str) -> None:
    """It is running, takes more processes, and ends by a signal."""
    assert containerd.run("--detach", box, "sleep", "1000").status == 0
    assert containerd.status(box) == "RUNNING"

    done = containerd("task exec --exec-id one", box, "sh", "-c", "echo inside; exit 5")
    assert (done.status, done.out) == (5, b"inside\n")
    missing = containerd("task exec --exec-id two", box, "no-such-program")
    assert missing.status == 1
    assert "OCI runtime exec failed: " in missing.complaint
    assert '"no-such-program": executable file not found in $PATH' in missing.complaint
    containerd.good("task kill --signal TERM", box)
    assert containerd.status(box) == "RUNNING"
    containerd.good("task kill --signal KILL", box)
    until(lambda: containerd.status(box) == "STOPPED")

    assert "exit code 137" in containerd("task rm", box).complaint


def test_a_container_is_paused_and_looked_into(containerd: Containerd, box: str) -> None:
    """Pause and resume change what containerd says of it; its processes are counted and listed."""
    containerd.run("--detach", box, "sleep", "1000")
    listed = containerd.good("task ps", box).splitlines()
    pid = next(line.split()[1] for line in containerd.good("task ls").splitlines() if line.split()[0] == box)

    assert [line.split()[0] for line in listed] == ["PID", pid]
    containerd.good("task pause", box)
    assert containerd.status(box) == "PAUSED"
    containerd.good("task resume", box)
    assert containerd.status(box) == "RUNNING"
    assert "pids.current" in containerd.good("task metrics", box)


def test_a_container_has_a_terminal(containerd: Containerd, box: str) -> None:
    """The shim gets it by its console socket, and passes on what is typed."""
    with containerd.on_terminal("--rm", box, "sh") as conversation:
        # the shim is told of the size once the program runs
        conversation.say(b'tty; until [ "$(stty size 2>/dev/null)" ]; do sleep 0.05; done; stty size\n')
        conversation.expect(b"/dev/pts/0\r")
        # ctr may end before it shows the last words of a program
        conversation.expect(b"24 80\r")
        conversation.say(b"exit 42\n")
        assert conversation.status() == 42
