"""A real daemon, and a service manager that listens: systemd's side of a real socket."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon, wait_until


class Systemd:
    """What the daemon says of itself."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(15)
        self._socket.bind(path)

    def wait_for(self, pattern: str) -> list[str]:
        """Return the datagrams up to one that matches."""
        found: list[str] = []
        while not found or not re.search(pattern, found[-1]):
            found.append(self._socket.recv(4096).decode())
        return found

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@pytest.fixture
def systemd(private_dir: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """Return a service manager, as the environment of what is started names it."""
    monkeypatch.setenv("NOTIFY_SOCKET", f"{private_dir}/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    made = Systemd(f"{private_dir}/notify")
    yield made
    made.close()


def test_a_life(systemd: Systemd) -> None:
    """Ready, alive again and again, reloading and ready again, how many jails there are, and the end."""
    daemon = Daemon()
    daemon.configure("")
    try:
        daemon.start()
        assert "READY=1\nSTATUS=jails: 0, running: 0" in systemd.wait_for("^READY=1")
        systemd.wait_for("^WATCHDOG=1$")
        systemd.wait_for("^WATCHDOG=1$")

        daemon.send_signal(signal.SIGHUP)
        systemd.wait_for(r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        systemd.wait_for("^READY=1$")

        daemon.runjctl("run", "-d", "--name", "web", daemon.shell("web", 'echo "socket: $NOTIFY_SOCKET."; sleep 1000'))
        systemd.wait_for("^STATUS=jails: 1, running: 1$")
        wait_until(lambda: b"socket" in daemon.runjctl("logs", "web").stdout, "the jail says nothing")
        assert b"socket: ." in daemon.runjctl("logs", "web").stdout
        with open(f"/proc/{daemon.keeper()}/environ", "rb") as keeper:
            assert b"NOTIFY_SOCKET" not in keeper.read()
        daemon.runjctl("delete", "-f", "web")

        daemon.runjctl("shutdown", "--stop")
        systemd.wait_for("^STOPPING=1$")
    finally:
        daemon.remove()


def test_a_log_that_leads_to_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line has a priority and no time, those of twistd too; without the variable it is as ever."""
    daemon = Daemon()
    try:
        with open(os.path.join(daemon.directory, "daemon.log"), "ab") as words:
            found = os.fstat(words.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        daemon.start()
        daemon.kill_keeper()
        wait_until(lambda: "<6>the keeper is connected again" in daemon.words(), "nobody misses the keeper")
        said = daemon.words().splitlines()
    finally:
        daemon.remove()

    assert any(re.fullmatch(r"<6>runjd \S+ run \w+ serves .*", line) for line in said)
    assert any(line.startswith("<3>the keeper is lost") for line in said)
    assert all(re.match(r"<[2-7]>", line) for line in said), said


def test_a_watchdog_that_has_enough_sees_all_stacks() -> None:
    """SIGABRT, which systemd sends first, leaves the calls of each thread in the log; the jails go on."""
    daemon = Daemon()
    daemon.interpreter = []
    try:
        daemon.start()
        daemon.send_signal(signal.SIGABRT)
        wait_until(lambda: "Fatal Python error: Aborted" in daemon.words(), "the daemon says nothing")
        wait_until(lambda: "runjd" in daemon.words().partition("Aborted")[2], "it does not say where it was")
        daemon.kill()
        daemon.start()
    finally:
        daemon.remove()
