"""runjctl run, with a real daemon, a real keeper and real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.functional.daemon import PATIENCE, Daemon, wait_until


def test_everything_is_shown_and_the_status_comes_back(daemon: Daemon) -> None:
    """From the first byte to the last, on the right streams."""
    bundle = daemon.shell("first", "echo out; echo err >&2; exit 7")
    done = daemon.runjctl("run", "--rm", bundle, ok=False)
    assert (done.returncode, done.stdout) == (7, b"out\n")
    assert [line for line in done.stderr.splitlines() if not line.startswith(b"runjctl: ")] == [b"err"]


@pytest.mark.parametrize("count", [1, 200_000, 3_000_000])
def test_output_of_a_short_life_is_complete(daemon: Daemon, count: int) -> None:
    """What a program writes right before it ends is all there, however much it is."""
    bundle = daemon.shell(f"burst{count}", f"head -c {count} /dev/zero | tr '\\0' x")
    done = daemon.runjctl("run", "--rm", bundle)
    assert len(done.stdout) == count


def test_a_slow_reader_loses_nothing(daemon: Daemon) -> None:
    """The job waits for whoever runs it in the foreground."""
    bundle = daemon.shell("slow", "head -c 4000000 /dev/zero; echo end")
    with daemon.begin("run", "--rm", bundle, stdout=subprocess.PIPE) as child:
        time.sleep(0.5)
        assert len(child.read()) == 4_000_004
        assert child.wait(PATIENCE) == 0


def test_piped_bytes_come_back_as_they_were(daemon: Daemon) -> None:
    """Binary input of any size, both ways at once, and its end."""
    data = os.urandom(1_500_000)
    bundle = daemon.bundle("cat", ["/bin/cat"])
    assert daemon.runjctl("run", "-i", "--rm", bundle, stdin=data).stdout == data


def test_without_i_the_program_reads_nothing(daemon: Daemon) -> None:
    """Standard input is the null device unless it is asked for."""
    bundle = daemon.bundle("nocat", ["/bin/cat"])
    assert daemon.runjctl("run", "--rm", bundle, stdin=b"not for you").stdout == b""


def test_a_signal_that_ends_the_program_is_shown_as_a_shell_shows_it(daemon: Daemon) -> None:
    """128 and the number."""
    bundle = daemon.shell("killed", "kill -KILL $$")
    assert daemon.runjctl("run", "--rm", bundle, ok=False).returncode == 137


@pytest.mark.parametrize(("program", "status"), [("/no/such/program", 127), ("/etc/passwd", 126)])
def test_programs_that_cannot_be_run_are_told_apart(daemon: Daemon, program: str, status: int) -> None:
    """127 where there is none, 126 where it cannot be executed, and no jail is left."""
    name = f"wrong{status}"
    done = daemon.runjctl("run", daemon.bundle(name, [program]), ok=False)
    assert (done.returncode, done.stdout) == (status, b"")
    assert program.encode() in done.stderr
    assert daemon.runjctl("status", name, ok=False).returncode == 69


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, b"config.json"), (b'{"ociVersion": "1.0.0",\n  oops}', b":2:3"), (b"{}", b"ociVersion")],
)
def test_bad_bundles_are_explained(daemon: Daemon, private_dir: str, content: bytes | None, reason: bytes) -> None:
    """The file, the place in it, and the property are named; the status is 125."""
    if content is not None:
        with open(os.path.join(private_dir, "config.json"), "wb") as file:
            file.write(content)
    done = daemon.runjctl("run", "--name", "bad", private_dir, ok=False)
    assert done.returncode == 125
    assert reason in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["../x", "a/b", "x" * 201, "a b", "a\x01b", "."])
def test_illegal_ids_are_refused(daemon: Daemon, name: str) -> None:
    """Nothing that could become a path or a trap is an id."""
    done = daemon.runjctl("run", "-d", "--name", name, daemon.shell("fine", "exit 0"), ok=False)
    assert done.returncode == 125
    assert done.stderr


def test_a_taken_id_is_refused(daemon: Daemon) -> None:
    """The jail that has it is not touched."""
    bundle = daemon.shell("taken", "sleep 100")
    daemon.runjctl("run", "-d", bundle)
    pid = daemon.status("taken")["pid"]
    done = daemon.runjctl("run", "-d", bundle, ok=False)
    assert (done.returncode, b"taken" in done.stderr) == (125, True)
    assert daemon.status("taken")["pid"] == pid
    daemon.runjctl("delete", "-f", "taken")


def test_an_interrupt_reaches_the_job(daemon: Daemon) -> None:
    """^C of a job in the foreground is the job's."""
    bundle = daemon.shell("interrupted", "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done")
    with daemon.begin("run", "--rm", bundle, stdout=subprocess.PIPE) as child:
        assert child.read_line() == b"ready\n"
        child.send_signal(signal.SIGINT)
        assert child.read() == b"caught\n"
        assert child.wait(PATIENCE) == 5


def test_a_job_outlives_whoever_ran_it(daemon: Daemon) -> None:
    """Killing runjctl does not end the jail, and its log goes on."""
    bundle = daemon.shell("outlives", "echo one; sleep 0.3; echo two; exec sleep 100")
    with daemon.begin("run", bundle, stdout=subprocess.PIPE) as child:
        assert child.read_line() == b"one\n"
        child.kill()
    wait_until(lambda: daemon.runjctl("logs", "outlives").stdout == b"one\ntwo\n", "the log does not go on")
    assert daemon.status("outlives")["status"] == "running"
    daemon.runjctl("delete", "-f", "outlives")


def test_the_next_run_does_not_trip_over_the_last(daemon: Daemon) -> None:
    """A job that was run with --rm can be run again at once, and one that ended can be deleted at once."""
    bundle = daemon.shell("loop", "exit 0")
    for _ in range(10):
        daemon.runjctl("run", "--rm", bundle)
    for _ in range(10):
        daemon.runjctl("run", bundle)
        daemon.runjctl("delete", "loop")


def test_a_start_without_isolation_is_told(daemon: Daemon) -> None:
    """Whoever starts a jail that sees the whole host reads so on standard error."""
    bundle = daemon.shell("open", "true")
    foreground = daemon.runjctl("run", "--rm", bundle)
    detached = daemon.runjctl("run", "-d", "--name", "open", bundle)
    assert b"without isolation" in foreground.stderr
    assert b"without isolation" in detached.stderr
    wait_until(lambda: daemon.status("open")["phase"] == "idle", "it did not end")
    assert b"without isolation" in daemon.runjctl("start", "open").stderr
