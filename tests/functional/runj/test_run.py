"""``runj run``."""

import os
import pty
import signal
import subprocess
import termios

import pytest

from tests.container.jails import read_until, until, wait
from tests.functional.runj.command import PATIENCE, Runj


def test_output_and_status_are_the_programs(runj: Runj) -> None:
    """Streams pass through, the status is that of the program, and nothing is left."""
    done = runj("run", "-b", runj.bundle(["sh", "-c", "cat; echo err >&2; exit 7"]), "web", input="typed\n")

    assert (done.returncode, done.stdout) == (7, "typed\n")
    assert done.stderr.endswith("err\n")
    assert os.listdir(runj.jails.state_dir) == []


def test_a_signal_makes_128_and_its_number(runj: Runj) -> None:
    """As a shell would tell."""
    with subprocess.Popen(
        runj.argv("run", "-b", runj.bundle(["sleep", "60"]), "web"), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as running:
        until(lambda: _is_running(runj), "it runs")
        runj.ok("kill", "web", "KILL")

        assert running.wait(PATIENCE) == 128 + 9


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(runj: Runj, signum: signal.Signals) -> None:
    """What runj gets the program gets, and runj waits for its end."""
    script = f"trap 'echo got; exit 5' {signum.name[3:]}; echo ready; while :; do sleep 0.01; done"
    with subprocess.Popen(
        runj.argv("run", "-b", runj.bundle(["sh", "-c", script]), "web"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(signum)

        assert running.stdout.readline() == b"got\n"
        assert running.wait(PATIENCE) == 5
    assert os.listdir(runj.jails.state_dir) == []


def test_what_cannot_be_run_leaves_nothing(runj: Runj) -> None:
    """One line says why."""
    assert "executable file not found in $PATH" in runj.fails("run", "-b", runj.bundle(["nonesuch"]), "web")
    assert os.listdir(runj.jails.state_dir) == []


def test_the_pid_file_is_written(runj: Runj) -> None:
    """It holds the pid of the program."""
    path = f"{runj.directory}/pid"

    runj.ok("run", "-b", runj.bundle(["true"]), "--pid-file", path, "web")

    with open(path) as file:
        assert file.read().isdecimal()


def test_a_terminal_is_relayed(runj: Runj) -> None:
    """The caller's terminal is raw while the program has one, and as before afterwards."""
    script = "stty size; read line; echo got $line; trap 'echo interrupted; exit 3' INT; echo armed; "
    script += "while :; do sleep 0.01; done"
    pid, master, before = _on_a_terminal(
        runj.argv("run", "-b", runj.bundle(["sh", "-c", script], terminal=True), "web")
    )

    read_until(master, "40 100\r\n")
    os.write(master, b"hello\r")
    assert "got hello\r\n" in read_until(master, "armed\r\n")
    os.write(master, b"\x03")
    read_until(master, "interrupted\r\n")
    status = wait(pid)

    assert status == 3
    assert termios.tcgetattr(master) == before
    os.close(master)


def test_a_new_size_reaches_the_program(runj: Runj) -> None:
    """The window is resized while the program runs."""
    script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
    pid, master, _ = _on_a_terminal(runj.argv("run", "-b", runj.bundle(["sh", "-c", script], terminal=True), "web"))
    read_until(master, "ready")

    termios.tcsetwinsize(master, (24, 81))
    read_until(master, "24 81\r\n")

    assert wait(pid) == 0
    os.close(master)


def test_the_end_of_the_callers_terminal_hangs_the_program_up(runj: Runj) -> None:
    """It gets SIGHUP as under any terminal, runj waits for its end, and nothing is left."""
    script = "trap 'exit 6' HUP; echo ready; while :; do sleep 0.01; done"
    pid, master, _ = _on_a_terminal(runj.argv("run", "-b", runj.bundle(["sh", "-c", script], terminal=True), "web"))
    read_until(master, "ready")

    os.close(master)

    assert wait(pid) == 6
    assert os.listdir(runj.jails.state_dir) == []


def test_a_terminal_without_one_of_the_callers_is_relayed_too(runj: Runj) -> None:
    """Input of a pipe is typed, and its end is the end of file key."""
    done = runj("run", "-b", runj.bundle(["sh", "-c", "tty >/dev/null && cat"], terminal=True), "web", input="typed\n")

    assert done.returncode == 0
    assert done.stdout.count("typed") == 2


def _on_a_terminal(argv: list[str]) -> tuple[int, int, list[object]]:
    """Start a program on a new terminal; return its pid, the master, and the modes of the terminal."""
    pid, master = pty.fork()
    if pid == 0:
        try:
            termios.tcsetwinsize(0, (40, 100))
            os.execv(argv[0], argv)
        finally:
            os._exit(99)
    return pid, master, termios.tcgetattr(master)


def _is_running(runj: Runj) -> bool:
    return '"running"' in runj("state", "web").stdout
