"""The files of logs, with a real daemon."""

from __future__ import annotations

import os
import signal

from tests.functional.daemon import Daemon, wait_until

#: writes a line every hundredth of a second
_COUNTING = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


def numbers(*paths: str) -> list[int]:
    """Return the numbers of all lines of files that are put together."""
    found = b""
    for path in paths:
        with open(path, "rb") as log:
            found += log.read()
    return [int(line.split()[-1]) for line in found.splitlines()]


def wait_for_lines(path: str, count: int) -> None:
    """Wait until a log has so many lines."""
    wait_until(lambda: os.path.exists(path) and len(numbers(path)) >= count, f"{path} does not grow")


def test_rotating_a_log_that_is_being_written(daemon: Daemon) -> None:
    """The old file gets a number, the new one goes on, and no line is in both or in none."""
    daemon.runjctl("run", "-d", "--name", "turned", daemon.shell("turned", _COUNTING))
    path = f"{daemon.logs}/turned.log"

    for count in range(1, 4):
        wait_for_lines(path, 10)
        daemon.runjctl("log", "rotate", "turned")
        assert os.path.exists(f"{path}.{count:06d}")
    wait_for_lines(path, 10)
    daemon.runjctl("delete", "--force", "turned")

    found = numbers(*(f"{path}.{count:06d}" for count in range(1, 4)), path)
    assert found == list(range(1, len(found) + 1))


def test_another_program_rotates(daemon: Daemon) -> None:
    """newsyslog renames and sends SIGUSR1, logrotate renames and calls us: the old file gets nothing more."""
    daemon.runjctl("run", "-d", "--name", "moved", daemon.shell("moved", _COUNTING))
    path = f"{daemon.logs}/moved.log"
    wait_for_lines(path, 10)

    os.rename(path, f"{path}.1")
    daemon.runjctl("log", "reopen")
    size = os.path.getsize(f"{path}.1")
    wait_for_lines(path, 10)
    os.rename(path, f"{path}.2")
    os.kill(daemon.pid, signal.SIGUSR1)
    wait_for_lines(path, 10)
    daemon.runjctl("delete", "--force", "moved")

    assert os.path.getsize(f"{path}.1") == size
    found = numbers(f"{path}.1", f"{path}.2", path)
    assert found == list(range(1, len(found) + 1))


def test_a_jail_that_is_silent_has_its_log_reopened(daemon: Daemon) -> None:
    """The file is there, though nothing is written to it."""
    daemon.runjctl("run", "-d", "--name", "silent", daemon.shell("silent", "echo 1; exec sleep 100"))
    path = f"{daemon.logs}/silent.log"
    wait_for_lines(path, 1)
    os.unlink(path)

    daemon.runjctl("log", "reopen", "silent")

    assert os.path.getsize(path) == 0
    daemon.runjctl("delete", "--force", "silent")


def test_what_cannot_be_done_is_said(daemon: Daemon) -> None:
    """A jail that is not there, a deed that is none, and a rotation of nothing."""
    done = daemon.runjctl("log", "rotate", "nobody", ok=False)
    assert (done.returncode, b'"nobody"' in done.stderr) == (69, True)
    done = daemon.runjctl("log", "shred", ok=False)
    assert (done.returncode, b"rotate, reopen" in done.stderr) == (64, True)
    assert daemon.runjctl("log", "--json", "rotate").stdout == b'{"n": 0}\n'
