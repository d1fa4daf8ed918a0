"""``runj exec``."""

import json
import os
import subprocess

import pytest

from tests.container.jails import Jails, read_until, until, wait
from tests.functional.runj.command import Runj
from tests.functional.runj.test_run import _on_a_terminal


@pytest.fixture
def running(runj: Runj) -> Runj:
    """Return the command with one running container, web."""
    runj.create("web", ["sleep", "60"], env=["A=bundle", "B=bundle"])
    runj.ok("start", "web")
    return runj


def test_a_command_runs_in_the_container(running: Runj) -> None:
    """Streams and status are the command's; environment and directory those of the bundle."""
    done = running("exec", "web", "sh", "-c", "cat; echo $A; exit 9", input="typed\n")

    assert (done.returncode, done.stdout) == (9, "typed\nbundle\n")


def test_options_behind_the_command_are_the_commands(running: Runj) -> None:
    """Neither -e nor --help is taken away from it."""
    assert running.ok("exec", "web", "sh", "-ec", "echo $0 $*", "--help", "-t") == "--help -t\n"


def test_options_change_what_the_bundle_says(running: Runj) -> None:
    """Directory, variables and user can be given."""
    done = running.ok(
        "exec", "--cwd", "/tmp", "-e", "A=option", "-eC=", "web", "sh", "-c", "pwd; echo $A $B ${C-unset}."
    )

    assert done == "/tmp\noption bundle .\n"


@pytest.mark.root
def test_the_user_is_given_by_number(running: Runj) -> None:
    """UID or UID:GID."""
    os.chmod(running.directory, 0o755)

    assert running.ok("exec", "-u", "1000:1001", "web", "sh", "-c", "id -u; id -g") == "1000\n1001\n"
    assert running.ok("exec", "-u", "1000", "web", "sh", "-c", "id -u; id -g") == "1000\n0\n"
    assert "is not UID or UID:GID" in running.fails("exec", "-u", "nobody", "web", "true")


def test_the_process_is_taken_from_a_file(running: Runj) -> None:
    """What conmon sends: a process document, detached, with a pid file."""
    process = {
        "args": ["sh", "-c", "echo $X > /proc/$$/fd/1; exec sleep 60"],
        "cwd": "/",
        "env": ["PATH=/bin:/usr/bin", "X=y"],
    }
    path, pid_file = f"{running.directory}/process.json", f"{running.directory}/pid"
    with open(path, "w") as file:
        json.dump(process, file)

    running.ok("exec", "--pid-file", pid_file, "--process", path, "--detach", "web")

    with open(pid_file) as file:
        pid = int(file.read())
    until(lambda: _command(pid).startswith("sleep\0"), "it runs")
    os.kill(pid, 9)


def test_a_bad_process_file_is_named(running: Runj) -> None:
    """File and JSON path are told."""
    path = f"{running.directory}/process.json"
    with open(path, "w") as file:
        json.dump({"args": [], "cwd": "/"}, file)

    assert running.fails("exec", "-p", path, "web").startswith(f"{path}: args: is empty")
    assert running.fails("exec", "-p", "/no/such", "web") == (
        "read the process file /no/such: no such file or directory"
    )


def test_a_command_on_a_terminal(running: Runj) -> None:
    """exec -t makes a terminal, relayed to the caller's."""
    pid, master, _ = _on_a_terminal(running.argv("exec", "-t", "web", "sh", "-c", "tty; stty size; exit 4"))

    shown = read_until(master, "40 100\r\n")

    assert "/dev/pts/" in shown
    assert wait(pid) == 4
    os.close(master)


def test_what_cannot_be_executed_is_told(running: Runj) -> None:
    """One line, and status 1."""
    assert running.fails("exec", "web", "nonesuch") == (
        'process.args[0]: exec: "nonesuch": executable file not found in $PATH'
    )
    assert "there is no command to run" in running.fails("exec", "web")
    assert "needs --console-socket" in running.fails("exec", "-t", "-d", "web", "true")
    assert "is not NAME=VALUE" in running.fails("exec", "-e", "X", "web", "true")
    assert "no absolute path" in running.fails("exec", "--cwd", "tmp", "web", "true")


def _command(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read()


@pytest.mark.root
@pytest.mark.parametrize(("id", "words"), [("plain", ()), ("other", ("--runtime", "plain"))])
def test_no_name_or_word_lets_an_interpreter_enter_that_can_be_written_to(
    private_dir: str, id: str, words: tuple[str, ...]
) -> None:
    """Only what the operator says of the runtime counts, not where else its name stands on the command line."""
    jails = Jails(private_dir, "linux")
    runj = Runj(jails)
    runj.create(id, ["sleep", "60"])
    runj.ok("start", id)

    with subprocess.Popen(runj.argv("exec", id, "sh", "-c", "sleep 60", *words)) as process:
        pid = process.pid
        try:
            until(lambda: _is_sealed(pid), "it runs from a read-only mount")
        finally:
            process.kill()
    jails.finish()


def test_a_process_whose_pid_file_cannot_be_written_ends(runj: Runj) -> None:
    """Nobody would know of it, so nothing is left of it."""
    runj.create("web", ["sleep", "60"])
    runj.ok("start", "web")
    mark = f"{runj.directory}/mark"

    message = runj.fails("exec", "-d", "--pid-file", "/nonexistent/pid", "web", "sh", "-c", f": {mark}; sleep 60")

    assert message == "write the pid file /nonexistent/pid: no such file or directory"
    assert subprocess.run(["pgrep", "-f", mark], stdout=subprocess.DEVNULL, check=False).returncode == 1


def _is_sealed(pid: int) -> bool:
    try:
        return bool(os.statvfs(f"/proc/{pid}/exe").f_flag & os.ST_RDONLY)
    except OSError:
        return False
