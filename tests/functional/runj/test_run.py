"""``runj run``."""

import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

from tests.cli.program import ROOT
from tests.container.jails import Jails, read_until, until, wait
from tests.functional.runj.command import PATIENCE, PROGRAM, Runj


def test_output_and_status_are_the_programs(runj: Runj) -> None:
    """Streams pass through, the status is that of the program, and nothing is left."""
    done = runj("run", "-b", runj.bundle(["sh", "-c", "cat; echo err >&2; exit 7"]), "web", input="typed\n")

    assert (done.returncode, done.stdout) == (7, "typed\n")
    assert "err" in done.stderr.splitlines()
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


def test_a_standard_error_that_nobody_reads_is_no_reason_to_fail(plain: Runj) -> None:
    """The program runs to its end and is deleted, whether the notices were heard or not."""
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        plain.argv("run", "-b", plain.bundle(["sh", "-c", "exit 7"]), "web"), stderr=writer, check=False
    )
    os.close(writer)

    assert done.returncode == 7
    assert plain.ok("list", "-q") == ""


def test_the_log_is_written_where_standard_error_is_not(plain: Runj) -> None:
    """An engine that has closed the pipe still finds the reason."""
    reader, writer = os.pipe()
    os.close(reader)
    log = f"{plain.directory}/log"

    subprocess.run(plain.argv("--log", log, "start", "web"), stderr=writer, check=False)
    os.close(writer)

    with open(log) as file:
        assert "does not exist" in file.read()


def test_the_bundle_is_read_once(plain: Runj) -> None:
    """Whoever exchanges it meanwhile has no terminal made for one program, and another one started."""
    code = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, words: opened.append(words[0]) if event == 'open' else None)\n"
        "from runjd.cli.runj import main\n"
        "status = main(sys.argv[1:])\n"
        "print(status, [each for each in opened if str(each).endswith('config.json')])"
    )
    argv = plain.argv("run", "-b", plain.bundle(["true"]), "web")[len(PROGRAM) :]

    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, cwd=ROOT, check=True)

    # the other one is the container's own copy, which is written
    assert done.stdout == "0 ['config.json', 'config.json']\n"


def test_a_document_nested_without_end_is_refused_in_one_line(plain: Runj) -> None:
    """``run``, which looks ahead, says the same as ``create``."""
    bundle = plain.bundle(["true"])
    with open(f"{bundle}/config.json", "w") as file:
        file.write('{"process":' + "[" * 200_000)

    assert plain.fails("run", "-b", bundle, "web").endswith("nested too deeply")


@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_the_umask_of_the_caller_is_not_that_of_the_program(runj: Runj, umask: int) -> None:
    """A program whose configuration is silent gets 0022, as from other OCI runtimes."""
    before = os.umask(umask)
    try:
        assert runj.ok("run", "-b", runj.bundle(["sh", "-c", "umask"]), "web") == "0022\n"
    finally:
        os.umask(before)


@pytest.mark.root
@pytest.mark.parametrize("words", [(), ("--no-new-keyring",)])
def test_the_keys_of_the_callers_session_are_not_the_programs(private_dir: str, words: tuple[str, ...]) -> None:
    """No namespace keeps keyrings apart: a program of root's session would possess its keys; it may, if asked for."""
    jails = Jails(private_dir, "linux")
    config = jails.config(["cat", "/proc/keys"])
    config["process"]["user"] = {"uid": 1000, "gid": 1000}  # type: ignore[index]
    config["linux"].pop("maskedPaths", None)  # type: ignore[attr-defined]
    argv = Runj(jails).argv("run", *words, "-b", jails.write(config), "web")
    script = (
        f"import ctypes, os, sys; sys.path.append({ROOT!r}); from runjd.kernel import keyring;"
        "keyring.leave_session_keyring();"
        "ctypes.CDLL(None).syscall(ctypes.c_long(248), b'user', b'runjd-test', b'x', ctypes.c_size_t(1), -3);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, *argv], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    jails.finish()

    assert "_ses" in done.stdout
    assert ("runjd-test" in done.stdout) == bool(words)
