"""The worker that waits in a pid namespace of its own, to become the first process of the next jail."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from runjd.keeper import messages
from tests.keeper.daemon import Daemon, Failed
from tests.keeper.running import RunningKeeper, process_of

pytestmark = [pytest.mark.root, pytest.mark.skipif(sys.platform != "linux", reason="pid namespaces are Linux's")]


@pytest.fixture
def keeper(private_dir: str) -> Iterator[RunningKeeper]:
    """Return a keeper that has run an isolated jail, and keeps those who wait for ten seconds."""
    running = RunningKeeper(private_dir, "--spare-time=10")
    daemon = running.greeted()
    daemon.run("before", running.isolated_bundle("before", "/bin/true"), "linux")
    daemon.ack(daemon.exit("before"))
    daemon.delete("before")
    daemon.close()
    yield running
    running.end()


def _first(keeper: RunningKeeper) -> int:
    """Wait for who waits, and return its pid: it is a child that is pid 1 of its namespace."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [pid for pid in _children(keeper.pid) if _is_first(pid)]
        return bool(found)

    keeper.wait(is_there, "a worker in a pid namespace of its own")
    return found[0]


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(each) for each in file.read().split()]


def _is_first(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            pids = [line.split()[1:] for line in file if line.startswith("NSpid:")]
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return pids[0][-1] == "1" and b"--spare-time=10" in file.read()
    except OSError:
        return False


def _line(daemon: Daemon, jail: str, stream: str = "out") -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        text += daemon.read(jail, 1, "", stream)
    return text


def test_it_becomes_the_first_process_of_the_next_jail(keeper: RunningKeeper) -> None:
    """It is pid 1 inside, in namespaces of the jail, holds nothing of ours, and ends as any other does."""
    daemon = keeper.greeted()
    first = _first(keeper)
    script = "echo $$ $(ls /proc/self/fd | wc -l) $(cat /proc/sys/kernel/hostname); read line; exit 4"

    ran = daemon.run("web", keeper.isolated_bundle("web", "/bin/sh", "-c", script), "linux", stdin=True)

    assert ran["pid"] == first
    pid, descriptors, _ = _line(daemon, "web").split()
    assert (pid, descriptors) == (b"1", b"4")  # the fourth is ls's own
    for kind in ("ipc", "mnt", "net", "pid", "uts"):
        assert os.readlink(f"/proc/{first}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    beside = daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))
    (stdin,) = daemon.answer(daemon.ask(messages.ask_stdin, "web", "")).descriptors
    os.write(stdin, b"go\n")
    os.close(stdin)
    ended, also = daemon.exit("web"), daemon.exit("web", "e1")
    assert (ended["pid"], ended["status"]) == (first, 4)
    assert (also["pid"], also["signal"]) == (beside["pid"], signal.SIGKILL)
    assert _first(keeper) != first
    daemon.do(messages.ask_delete, "web", False)
    assert os.listdir(keeper.root) == []


def test_a_terminal_and_readiness(keeper: RunningKeeper) -> None:
    """The terminal of the jail arrives, and what it tells by that it is ready."""
    daemon = keeper.greeted()
    first = _first(keeper)
    bundle = keeper.isolated_bundle("tty", "/bin/sh", "-c", "tty; echo >&3; sleep 1000", terminal=True)

    assert daemon.run("tty", bundle, "linux", size=(9, 99), ready="fd:3")["pid"] == first

    assert _line(daemon, "tty", "tty") == b"/dev/pts/0\r\n"
    assert daemon.read("tty", 1, stream="ready") == b"\n"


def test_a_program_that_is_not_there(keeper: RunningKeeper) -> None:
    """The error is that of any other start, and nothing is left of the jail."""
    daemon = keeper.greeted()
    first = _first(keeper)

    with pytest.raises(Failed, match="no such file or directory|not found"):
        daemon.run("web", keeper.isolated_bundle("web", "/bin/nothing"), "linux")

    assert os.listdir(keeper.root) == []
    keeper.wait(lambda: first not in _children(keeper.pid), "its end")
    daemon.run("web", keeper.isolated_bundle("again", "/bin/true"), "linux")


def test_a_jail_that_is_there_already(keeper: RunningKeeper) -> None:
    """Its namesake is refused, and lives on."""
    daemon = keeper.greeted()
    bundle = keeper.isolated_bundle("web", "/bin/sleep", "1000")
    _first(keeper)
    ran = daemon.run("web", bundle, "linux")
    _first(keeper)

    with pytest.raises(Failed, match="EXISTS"):
        daemon.run("web", bundle, "linux")

    os.kill(int(str(ran["pid"])), 0)
    daemon.exec("web", "e1", process_of("/bin/true"))


def test_what_it_is_unfit_for_another_one_does(keeper: RunningKeeper) -> None:
    """A jail that lives in the pid namespace of the host is made as ever, and so is the next one that has its own."""
    daemon = keeper.greeted()
    first = _first(keeper)
    namespaces = {"namespaces": [{"type": "mount"}]}
    shared = keeper.isolated_bundle("shared", "/bin/sleep", "1000", linux=namespaces)

    pid = int(str(daemon.run("shared", shared, "linux")["pid"]))

    assert pid != first
    assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")
    assert daemon.run("own", keeper.isolated_bundle("own", "/bin/true"), "linux")["pid"] != pid
    assert daemon.exit("own")["status"] == 0


def test_who_is_killed_while_it_waits_is_missed_by_nobody(keeper: RunningKeeper) -> None:
    """The next jail is made by another one."""
    daemon = keeper.greeted()
    first = _first(keeper)
    os.kill(first, signal.SIGKILL)
    keeper.wait(lambda: first not in _children(keeper.pid), "its end")

    assert daemon.run("web", keeper.isolated_bundle("web", "/bin/true"), "linux")["pid"] != first
    assert daemon.exit("web")["status"] == 0
