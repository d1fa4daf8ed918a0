"""A configuration, with a real daemon: started with it, reloaded, and broken meanwhile."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon, wait_until

SLEEP = 'root = "/"\ncommand = ["/bin/sh", "-c", "echo $WHO; exec sleep 1000"]\n'
WEB = f'[jail.web]\n{SLEEP}environment = {{ WHO = "web" }}\n'
DB = f"[jail.db]\n{SLEEP}"


@pytest.fixture
def configured() -> Iterator[Daemon]:
    """Return a daemon that is not started yet, with a configuration of one jail."""
    made = Daemon()
    made.configure("", web=WEB)
    try:
        yield made
    finally:
        made.remove()


def pids(daemon: Daemon) -> dict[str, object]:
    """Return the jails that run, with their pids."""
    found = json.loads(daemon.runjctl("status", "--json").stdout)
    return {each["jail"]: each["pid"] for each in found if each["phase"] == "running"}


def test_jails_of_the_configuration_run(configured: Daemon) -> None:
    """They start with the daemon, from what the file says; a reload adds one, and takes another away."""
    configured.start()
    wait_until(lambda: configured.runjctl("logs", "web").stdout == b"web\n", "no log")
    web = pids(configured)["web"]

    configured.configure("", db=DB)
    shown = configured.runjctl("reload", "--dry-run")
    assert b"db    added" in shown.stdout
    assert set(pids(configured)) == {"web"}
    configured.runjctl("reload")
    wait_until(lambda: set(pids(configured)) == {"web", "db"}, "db does not run")
    assert pids(configured)["web"] == web

    configured.configure("", web="")
    configured.runjctl("reload")
    wait_until(lambda: b"web" not in configured.runjctl("list", "-q").stdout, "web is still there")


def test_wrong_files_change_nothing(configured: Daemon) -> None:
    """The answer tells all of it; SIGHUP tells the log (torture row 40)."""
    configured.start()
    wait_until(lambda: set(pids(configured)) == {"web"}, "it does not run")
    before = pids(configured)
    configured.configure("[daemon]\nparalel = 1\n", web=WEB[:60])

    done = configured.runjctl("reload", ok=False)

    assert done.returncode == 78
    assert [line.partition(": ")[0] for line in done.stderr.decode().splitlines()] == [
        f"{configured.config}:2",
        f"{configured.config.rpartition('/')[0]}/jails.d/web.toml:3",
        "runjctl",
    ]
    configured.send_signal(signal.SIGHUP)
    wait_until(lambda: configured.words().count("the configuration stays as it was") == 2, "the signal is not told")
    assert pids(configured) == before

    configured.configure("", web=WEB)
    assert b"1 unchanged" in configured.runjctl("reload").stderr


def test_a_storm_of_signals_touches_nothing(configured: Daemon) -> None:
    """Fifty a second, while a file is written again and again, half and whole (torture rows 39 and 40)."""
    configured.configure("", web=WEB, db=DB)
    configured.start()
    wait_until(lambda: len(pids(configured)) == 2, "they do not run")
    before = pids(configured)
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.003):
            configured.configure("", db=DB[:-5])
            configured.configure("", db=DB)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            configured.send_signal(signal.SIGHUP)
            is_over.wait(0.02)
    finally:
        is_over.set()
        writer.join()
    configured.configure("", web=WEB, db=DB)
    configured.runjctl("reload")

    assert "the configuration was reloaded" in configured.words()
    assert "Traceback" not in configured.words()
    assert pids(configured) == before


def test_wrong_files_do_not_keep_the_next_daemon_from_its_jails(configured: Daemon) -> None:
    """One that was killed is followed by one that keeps what was known, and tells what is wrong."""
    configured.start()
    wait_until(lambda: set(pids(configured)) == {"web"}, "it does not run")
    before = pids(configured)
    configured.configure('[jail.x]\nbundle = "y"\n')
    configured.kill()

    configured.start()

    assert pids(configured) == before
    assert f"{configured.config}:2: jail.x.bundle: found" in configured.words()


def test_the_daemon_takes_its_own_settings_at_once(configured: Daemon) -> None:
    """A shutdown is over in the time that the files say, whatever a jail wants."""
    stubborn = f"[jail.web]\n{SLEEP}stop.timeout = 100\n".replace("exec sleep 1000", "trap '' TERM; sleep 1000")
    configured.configure("[daemon]\nparallel = 1\n", web=stubborn)
    configured.start()
    wait_until(lambda: set(pids(configured)) == {"web"}, "it does not run")
    configured.configure('[daemon]\nparallel = 2\nshutdown = "6s"\n', web=stubborn)
    shown = configured.runjctl("reload").stdout.decode().splitlines()
    assert [line.split() for line in shown[1:]] == [
        ["-", "parallel", "1", "2", "now"],
        ["-", "shutdown", "80", "6", "now"],
    ]

    began = time.monotonic()
    configured.stop()

    assert time.monotonic() - began < 20
