"""``--preserve-fds`` and sockets to listen on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.functional.runj.command import PATIENCE, Runj

# opens so many descriptors from 3 on, and says so if it is to, and becomes runj
_OPENING = """
import os, sys
count, told, argv = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
fd = os.memfd_create("passed")
os.write(fd, b"passed\\n")
os.lseek(fd, 0, 0)
kept = os.dup2(fd, 100)
for each in range(3, 3 + count):
    os.dup2(kept, each)
os.close(kept)
if told != "-":
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": told, "LISTEN_FDNAMES": "web"}
os.execv(argv[0], argv)
"""


def run(runj: Runj, count: int, told: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run runj with more descriptors than the usual ones."""
    return subprocess.run(
        [sys.executable, "-c", _OPENING, str(count), told, *runj.argv(*words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_descriptors_are_passed_on_and_no_others(runj: Runj, verb: str) -> None:
    """The program finds 3 and 4, of which it can read, and not the two behind them."""
    script = ["sh", "-c", "cat <&3; ls /proc/self/fd"]
    if verb == "run":
        words = ["--preserve-fds", "2", "-b", runj.bundle(script), "web"]
    else:
        runj.create("web", ["sleep", "60"])
        runj.ok("start", "web")
        words = ["--preserve-fds=2", "web", *script]

    done = run(runj, 4, "-", verb, *words)

    assert done.returncode == 0, done.stderr
    first, *numbers = done.stdout.split()
    assert first == "passed"
    # one more is the directory that ls reads
    assert {"0", "1", "2", "3", "4"} <= set(numbers)
    assert len(numbers) == 6


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_nothing_is_passed_on_that_was_not_asked_for(runj: Runj, verb: str) -> None:
    """What the caller forgot to close does not get into the container."""
    script = ["ls", "/proc/self/fd"]
    if verb == "run":
        words = ["-b", runj.bundle(script), "web"]
    else:
        runj.create("web", ["sleep", "60"])
        runj.ok("start", "web")
        words = ["web", *script]

    assert run(runj, 4, "-", verb, *words).stdout.split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_sockets_to_listen_on_come_first_and_are_told(runj: Runj, verb: str) -> None:
    """sd_listen_fds(3): number, names, and the pid that the program has in its own eyes."""
    script = ["sh", "-c", "cat <&4; echo $LISTEN_FDS $LISTEN_FDNAMES; [ $LISTEN_PID = $$ ]"]
    if verb == "run":
        words = ["--preserve-fds", "1", "-b", runj.bundle(script), "web"]
    else:
        runj.create("web", ["sleep", "60"])
        runj.ok("start", "web")
        words = ["--preserve-fds", "1", "web", *script]

    done = run(runj, 2, "1", verb, *words)

    assert (done.returncode, done.stdout) == (0, "passed\n1 web\n"), done.stderr


def test_sockets_for_somebody_else_are_not_passed_on(plain: Runj) -> None:
    """LISTEN_PID names another process: nothing is passed, nothing is told."""
    words = ["run", "-b", plain.bundle(["sh", "-c", "echo ${LISTEN_FDS-none}"]), "web"]

    done = plain(*words, env={"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})

    assert done.stdout == "none\n"


def test_a_descriptor_that_is_not_open_is_refused(plain: Runj) -> None:
    """Before there is a container; otherwise something of ours could be found there."""
    bundle = plain.bundle(["true"])

    assert plain.fails("create", "--preserve-fds", "2", "-b", bundle, "web") == (
        "--preserve-fds 2: descriptor 3 is not open"
    )
    assert plain.fails("create", "--preserve-fds", "two", "-b", bundle, "web") == (
        "--preserve-fds two is no number of descriptors"
    )
    assert run(plain, 1, "2", "create", "-b", bundle, "web").stderr == (
        "runj: LISTEN_FDS=2: descriptor 4 is not open\n"
    )
    assert plain.ok("list", "-q") == ""
