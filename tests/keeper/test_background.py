"""How a keeper comes into the background, and what keeps it from starting."""

import os
import signal
import subprocess
import time

import pytest

from runjd.keeper import messages
from tests.keeper.daemon import PATIENCE, Daemon
from tests.keeper.running import RunningKeeper, keeper_command


def _start(directory: str, *more: str) -> "subprocess.CompletedProcess[str]":
    command = keeper_command("--root", f"{directory}/state", "--dir", f"{directory}/keeper", *more)
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def test_who_started_it_need_not_wait(private_dir: str) -> None:
    """The command returns once the keeper listens; it leads a session, holds no terminal, and says nothing."""
    done = _start(private_dir)
    daemon = Daemon(f"{private_dir}/keeper/socket")
    daemon.say(messages.ask_hello("test"))
    pid = int(str(daemon.next("hello")["pid"]))

    try:
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert os.getsid(pid) == pid
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            assert file.read() == "runjd-keeper\n"
    finally:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
            time.sleep(0.002)
        daemon.close()
    assert not os.path.exists(f"{private_dir}/keeper/socket")


def test_a_second_keeper_is_refused(keeper: RunningKeeper) -> None:
    """A directory has one keeper; another one says so, and touches nothing."""
    daemon = keeper.greeted()

    done = _start(keeper.directory)

    assert done.returncode == 75
    assert done.stderr == f"runjd-keeper: {keeper.directory}/keeper: another keeper serves this directory\n"
    assert daemon.do(messages.ask_delete, "nothing", True)["m"] == "done"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "--root is missing"),
        (["--root", "/x"], "--dir is missing"),
        (["--root"], "--root needs a value"),
        (["--shoe=44"], 'unknown argument "--shoe=44"'),
        (["--root=x", "--dir=y", "--worker-time=soon"], 'a number of seconds, not "soon"'),
        (["--root=x", "--dir=y", "--spool-size=1M"], 'a number of bytes, not "1M"'),
    ],
)
def test_a_wrong_command_line(arguments: list[str], reason: str) -> None:
    """A command line that makes no sense is refused with the reason and the usage."""
    done = subprocess.run(keeper_command(*arguments), capture_output=True, text=True, timeout=PATIENCE)

    assert done.returncode == 64
    assert reason in done.stderr
    assert "usage: runjd-keeper" in done.stderr


def test_help() -> None:
    """The usage is shown on request."""
    done = subprocess.run(keeper_command("--help"), capture_output=True, text=True, timeout=PATIENCE)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: runjd-keeper")


def test_a_directory_that_others_can_write_to_is_refused(private_dir: str) -> None:
    """The keeper's directory is trusted, so it must be private."""
    os.mkdir(f"{private_dir}/keeper")
    os.chmod(f"{private_dir}/keeper", 0o755)

    done = _start(private_dir)

    assert done.returncode == 74
    assert "mode 0700" in done.stderr


def test_a_link_in_place_of_the_directory_is_refused(private_dir: str) -> None:
    """A symbolic link is not followed."""
    os.mkdir(f"{private_dir}/elsewhere", 0o700)
    os.symlink("elsewhere", f"{private_dir}/keeper")

    assert _start(private_dir).returncode == 74
    assert os.listdir(f"{private_dir}/elsewhere") == []
