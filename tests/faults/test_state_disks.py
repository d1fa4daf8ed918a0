"""Disks that are full, broken or read-only under what daemon and keeper write down (torture 4, 5)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runjd.kernel.process import start_time
from tests.faults.logged import SmallDisk
from tests.faults.strace import Faults
from tests.functional.daemon import Daemon, wait_until

pytestmark = [pytest.mark.root, pytest.mark.linux]

_LIVES = "while :; do sleep 0.05; done"


class FullDisk(SmallDisk):
    """A small disk that can be filled to its last block."""

    def fill(self) -> None:
        """Leave no room, also where some was freed meanwhile."""
        with open(f"{self.path}/filler", "ab", buffering=0) as file:
            size = 65536
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Make room."""
        os.unlink(f"{self.path}/filler")


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon that is to be started."""
    made = Daemon()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def disk(daemon: Daemon) -> Iterator[FullDisk]:
    """Return a disk of 4 MiB for all state."""
    made = FullDisk(daemon.state, 4096)
    try:
        yield made
    finally:
        daemon.stop()
        made.remove()


def until(daemon: Daemon, name: str, status: int) -> str:
    """Return a script that ends so once a file of that name is there."""
    return f"until test -e {daemon.directory}/{name}; do sleep 0.02; done; exit {status}"


def tell(daemon: Daemon, name: str) -> None:
    """Make that file."""
    with open(f"{daemon.directory}/{name}", "w", encoding="ascii"):
        pass


def degraded(daemon: Daemon) -> str:
    """Return what status says of the daemon itself."""
    complaint = daemon.runjctl("status", "--json").stderr
    return str(json.loads(complaint)["degraded"]) if complaint else ""


def stores(daemon: Daemon) -> str:
    """Return what was told of the disks in this life of the daemon."""
    run = json.loads(daemon.runjctl("--json", "ping").stdout)["run"]
    return daemon.runjctl("raw", stdin=f"subscribe ev=store since={run}:0\nquit\n".encode(), ok=False).stdout.decode()


def test_a_full_disk(daemon: Daemon, disk: FullDisk) -> None:
    """Nothing is started; what runs goes on and can be stopped; no exit is lost, and all goes on by itself."""
    daemon.start()
    for name, script in (("lives", _LIVES), ("stopped", _LIVES), ("ends", until(daemon, "go", 7))):
        daemon.runjctl("run", "--detach", "--name", name, daemon.shell(name, script))
    pid = daemon.status("lives")["pid"]
    disk.fill()

    refused = daemon.runjctl("run", "--json", "--detach", "--name", "new", daemon.shell("new", _LIVES), ok=False)
    assert json.loads(refused.stderr)["code"] == "NOSPACE"
    assert "no jail is started meanwhile" in degraded(daemon)
    assert b"runjd is degraded: " in daemon.runjctl("status", "lives").stderr
    daemon.runjctl("stop", "stopped")
    disk.fill()
    tell(daemon, "go")
    wait_until(lambda: daemon.status("ends").get("exit") == 7, "its end is not told")
    assert "exits cannot be written down" in stores(daemon)
    disk.fill()
    daemon.kill()
    daemon.start()
    assert daemon.status("lives")["pid"] == pid
    assert daemon.status("ends")["exit"] == 7

    disk.free()
    wait_until(lambda: not degraded(daemon), "it stays degraded")

    daemon.runjctl("run", "--detach", "--name", "new", daemon.shell("new", _LIVES))
    daemon.kill()
    daemon.start()
    assert daemon.status("ends")["exit"] == 7
    assert daemon.status("stopped")["want"] == "down"
    assert daemon.status("lives")["pid"] == pid
    assert "Traceback" not in daemon.words()


@contextmanager
def read_only(*paths: str) -> Iterator[None]:
    """Let directories be read-only for all who open them by path."""
    try:
        for path in paths:
            subprocess.run(["mount", "--bind", path, path], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        yield
    finally:
        for path in paths:
            subprocess.run(["umount", "--lazy", path], check=True)


def test_a_read_only_disk(daemon: Daemon) -> None:
    """Nothing is started, what runs goes on, and what ended meanwhile is cleared and started again afterwards."""
    daemon.configure(
        f"""
        [jail.lives]
        bundle = "{daemon.shell("lives", _LIVES)}"
        [jail.crashes]
        bundle = "{daemon.shell("crashes", until(daemon, "go", 7))}"
        restart = "always"
        """
    )
    daemon.start()
    for name in ("lives", "crashes"):
        daemon.runjctl("wait", "--until", "started", name)
    pid = daemon.status("lives")["pid"]
    daemon.runjctl("run", "--detach", "--name", "idle", daemon.shell("idle", _LIVES))
    daemon.runjctl("stop", "idle")

    with read_only(f"{daemon.state}/jails", f"{daemon.state}/state"):
        refused = daemon.runjctl("start", "--json", "idle", ok=False)
        assert json.loads(refused.stdout)["error"]["code"] == "IO"
        tell(daemon, "go")
        wait_until(lambda: daemon.status("crashes").get("exit") == 7, "its end is not told")
        os.unlink(f"{daemon.directory}/go")
        assert "Read-only file system" in degraded(daemon)
        assert daemon.status("lives")["pid"] == pid

    wait_until(lambda: not degraded(daemon), "it stays degraded")
    wait_until(lambda: daemon.status("crashes")["phase"] == "running", "it is not started again")
    daemon.runjctl("start", "idle")
    daemon.kill()
    daemon.start()
    assert daemon.status("lives")["pid"] == pid
    assert daemon.status("crashes")["exit"] == 7
    assert "Traceback" not in daemon.words()


def test_a_disk_that_does_not_sync(daemon: Daemon) -> None:
    """What is wanted counts at once, but is not said to outlast a reboot, until it does."""
    daemon.configure(f'[jail.web]\nbundle = "{daemon.shell("web", _LIVES)}"\nautostart = false\n')
    daemon.start()
    daemon.runjctl("enable", "web")  # so that the thread that syncs is there
    with Faults(daemon.pid, "fsync:error=EIO", children=True):
        daemon.runjctl("disable", "web")
        assert daemon.status("web")["phase"] == "idle"
        wait_until(lambda: "does not outlast a reboot yet" in degraded(daemon), "it says that all is well")
        assert "Input/output error" in degraded(daemon)

    wait_until(lambda: not degraded(daemon), "it stays degraded")

    with open(f"{daemon.state}/data/jails/web.json", encoding="utf-8") as file:
        assert json.load(file)["enabled"] is False


@pytest.mark.parametrize("call", ["write", "rename,renameat,renameat2"])
def test_a_disk_that_takes_no_exit(daemon: Daemon, call: str) -> None:
    """The keeper keeps it, says so, and goes on; whatever fails on the way, nothing is left behind."""
    daemon.start()
    daemon.runjctl("run", "--detach", "--name", "ends", daemon.shell("ends", until(daemon, "go", 7)))
    pid = int(str(daemon.status("ends")["pid"]))
    record = f"{daemon.state}/keeper/exits/{pid}-{start_time(pid)}.exit.new"
    with Faults(daemon.keeper(), f"{call}:error=EIO", path=record if call == "write" else ""):
        tell(daemon, "go")
        wait_until(lambda: daemon.status("ends").get("exit") == 7, "its end is not told")
    assert "exits cannot be written down: Input/output error" in stores(daemon)

    wait_until(lambda: not degraded(daemon), "it stays degraded")

    wait_until(lambda: os.listdir(f"{daemon.state}/keeper/exits") == [], "something is left of it")
