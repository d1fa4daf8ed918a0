"""Sockets and directories that are removed or exchanged under a running daemon and keeper (torture 34, 35, 36, 59)."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.functional.daemon import PATIENCE, Daemon, wait_until

_LIVES = "while :; do sleep 0.05; done"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon with a jail that runs."""
    made = Daemon()
    try:
        made.start()
        made.runjctl("run", "--detach", "--name", "web", made.shell("web", _LIVES))
        yield made
    finally:
        made.remove()


def listens(path: str) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def test_a_control_socket_that_was_removed_is_made_again(daemon: Daemon) -> None:
    """It is told; whoever is connected stays so; the end of the daemon removes it in order."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(daemon.path)
        client.recv(8192)
        os.unlink(daemon.path)

        wait_until(lambda: listens(daemon.path), "it is not made again")

        client.sendall(b"ping\n")
        assert client.recv(8192).startswith(b"+")
    assert stat.S_IMODE(os.stat(daemon.path).st_mode) == 0o600
    assert daemon.status("web")["phase"] == "running"
    assert "was removed, and is made again" in daemon.words()
    daemon.stop()
    assert not os.path.exists(daemon.path)
    assert "Traceback" not in daemon.words()


def test_what_somebody_put_in_the_place_of_the_control_socket_is_left_alone(daemon: Daemon) -> None:
    """Neither a file nor somebody else's socket is removed, now or at the end; the daemon says that it has none."""
    os.unlink(daemon.path)
    with open(daemon.path, "w", encoding="ascii") as file:
        file.write("mine")
    wait_until(lambda: "degraded: the control socket was removed" in daemon.words(), "it does not complain")
    os.unlink(daemon.path)
    wait_until(lambda: listens(daemon.path), "it is not made again")
    wait_until(lambda: "no longer degraded" in daemon.words(), "it goes on complaining")

    os.unlink(daemon.path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(daemon.path)
        other.listen()
        place = os.lstat(daemon.path).st_ino
        wait_until(lambda: "somebody listens on" in daemon.words(), "it does not complain")
        daemon.kill()
        assert os.lstat(daemon.path).st_ino == place
    daemon.start()
    assert daemon.status("web")["phase"] == "running"


def test_a_keepers_socket_that_was_removed_is_made_again(daemon: Daemon) -> None:
    """So the next daemon finds the keeper, and the jails with it."""
    pid, keeper = daemon.status("web")["pid"], daemon.keeper()
    path = f"{daemon.state}/keeper/socket"
    os.unlink(path)
    wait_until(lambda: os.path.exists(path), "it is not made again")

    daemon.kill()
    daemon.start()

    assert daemon.status("web")["pid"] == pid
    assert daemon.keeper() == keeper


def test_a_state_directory_that_was_removed_is_told_loudly(daemon: Daemon) -> None:
    """Whoever is connected goes on with the jails: they can be stopped, and nothing new is started without a record."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(daemon.path)
        client.recv(8192)
        os.rename(daemon.state, f"{daemon.directory}/removed")
        wait_until(lambda: "degraded: the control socket was removed" in daemon.words(), "it does not complain")

        client.sendall(b"status\n")
        seen = b""
        while b"\n+ " not in seen:
            seen += client.recv(8192)
        assert b"phase=running" in seen
        assert b"degraded=" in seen
        client.sendall(b"stop web\n")
        assert client.recv(8192).startswith((b"+ ", b"- "))
    os.rename(f"{daemon.directory}/removed", daemon.state)
    wait_until(lambda: listens(daemon.path), "the socket is not there again")


def test_two_daemons_side_by_side(daemon: Daemon) -> None:
    """One with directories of its own is in nobody's way; one that shall have the socket of another is refused."""
    other = Daemon()
    try:
        other.start()
        other.runjctl("run", "--detach", "--name", "web", other.shell("web", _LIVES))
        arguments = ["--nodaemon", "--pidfile=", "runjd", "--state", f"{daemon.directory}/third"]
        command = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", *arguments]
        third = subprocess.run(
            [*command, "--log", daemon.logs, "--control", daemon.path],
            cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert third.returncode == 74, third.stderr
        assert b"somebody listens on" in third.stderr + third.stdout
        assert daemon.status("web")["pid"] != other.status("web")["pid"]
    finally:
        other.remove()
    assert daemon.status("web")["phase"] == "running"
    shutil.rmtree(f"{daemon.directory}/third")
