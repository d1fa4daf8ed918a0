"""
What people are promised of jails in namespaces, with a real daemon and keeper.

Many at once, the death of the daemon, and what a program finds inside.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest

from tests.functional.daemon import PATIENCE, Daemon, assert_log_goes_on, wait_until
from tests.functional.isolated import Isolated

pytestmark = pytest.mark.root


@pytest.fixture
def isolated() -> Iterator[Isolated]:
    """Return such a daemon for one test, which may kill it."""
    made = Isolated()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def _all_ok(answers: list[str], count: int) -> None:
    assert [each for each in answers if each[0] != "+"] == []
    assert len(answers) == count


def test_two_hundred_jails_at_once(isolated: Isolated) -> None:
    """All are started, listed, killed and reaped, and nothing is left of them."""
    bundle = isolated.bundle("sleep", ["sleep", "1000"])
    names = [f"s{number}" for number in range(200)]

    _all_ok(isolated.ask_all([f"run {name} {bundle}" for name in names]), 200)
    found = isolated.statuses()
    assert sorted(found) == sorted(names)
    assert {each["status"] for each in found.values()} == {"running"}

    _all_ok(isolated.ask_all([f"kill {name} KILL" for name in names]), 200)
    wait_until(lambda: {each["phase"] for each in isolated.statuses().values()} == {"idle"}, "jails still run")

    assert {each["signal"] for each in isolated.statuses().values()} == {9}
    assert os.listdir(os.path.join(isolated.state, "state")) == []
    _all_ok(isolated.ask_all([f"delete {name}" for name in names]), 200)
    assert isolated.statuses() == {}


def test_fifty_writers_outlive_the_daemon(isolated: Isolated) -> None:
    """All go on, all are adopted, no exit status is lost, and logs go on, when the daemon is killed by SIGKILL."""
    writer = isolated.bundle("writer", ["sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"])
    brief = isolated.bundle("brief", ["sh", "-c", "sleep 0.7; echo the end; exit 3"])
    writers = [f"w{number}" for number in range(50)]
    briefs = [f"b{number}" for number in range(10)]
    _all_ok(isolated.ask_all([f"run {name} {writer}" for name in writers]), 50)
    before = isolated.statuses()
    _all_ok(isolated.ask_all([f"run {name} {brief}" for name in briefs]), 10)

    isolated.kill()
    time.sleep(1.0)  # the brief ones end, nobody reads
    isolated.start()

    wait_until(lambda: all(isolated.statuses()[name]["phase"] == "idle" for name in briefs), "an exit was lost")
    found = isolated.statuses()
    assert {found[name]["exit"] for name in briefs} == {3}
    assert {found[name]["status"] for name in writers} == {"running"}
    assert [found[name]["pid"] for name in writers] == [before[name]["pid"] for name in writers]

    _all_ok(isolated.ask_all([f"stop {name} grace=0.1" for name in writers]), 50)
    for name in writers:
        assert_log_goes_on(_lines(isolated, name))
    for name in briefs:
        assert b"the end" in _log(isolated, name)


def test_a_grandchild_that_holds_stdout_does_not_delay_the_exit(isolated: Isolated) -> None:
    """The exit of the program is told at once, and what it wrote is in the log."""
    bundle = isolated.bundle("daemonize", ["sh", "-c", "sleep 1000 & echo started; exit 4"])
    began = time.monotonic()

    isolated.ask_all([f"run forks {bundle} wait=stopped"])

    assert time.monotonic() - began < PATIENCE / 2
    assert isolated.status("forks")["exit"] == 4
    assert b"started" in _log(isolated, "forks")


def test_a_program_finds_what_a_container_runtime_gives(isolated: Isolated) -> None:
    """Dispositions of signals, environment, descriptors 0 to 2 and nothing of the host, by way of the keeper."""
    script = "grep -E '^Sig(Ign|Blk)' /proc/self/status; env; for f in /proc/self/fd/*; do echo fd ${f##*/}; done; tty"
    bundle = isolated.bundle("looks", ["sh", "-c", script], env=["PATH=/bin", "A=b c"])

    done = isolated.runjctl("run", "--rm", bundle, ok=False).stdout.decode()

    assert re.findall(r"Sig(?:Ign|Blk):\s*(\S+)", done) == ["0" * 16, "0" * 16]
    assert "A=b c\n" in done
    assert not re.search("RUNJD|PYTHON|TWISTED", done)
    # the shell itself holds one more descriptor, for the directory that it lists
    assert set(re.findall(r"fd (\d+)", done)) <= {"0", "1", "2", "3"}
    assert "not a tty" in done


def test_a_program_that_closes_stdin_and_changes_its_user_still_writes(isolated: Isolated) -> None:
    """It reopens /dev/stdout under another user, as servers do."""
    script = "exec <&-; chmod 711 /root; su user -c 'echo reopened > /dev/stdout; echo failed > /dev/stderr'"
    bundle = isolated.bundle("server", ["sh", "-c", script])

    done = isolated.runjctl("run", "--rm", bundle)

    assert (done.stdout, done.stderr) == (b"reopened\n", b"failed\n")


def _log(daemon: Daemon, name: str) -> bytes:
    with open(os.path.join(daemon.logs, f"{name}.log"), "rb") as file:
        return file.read()


def _lines(daemon: Daemon, name: str) -> list[int]:
    return [int(found) for found in re.findall(rb"line (\d+)\n", _log(daemon, name))]
