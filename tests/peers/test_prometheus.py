"""Prometheus reads our metrics: its own checker has nothing to say of those of a real daemon, with real jails."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.functional.daemon import Daemon, wait_until

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is missing")


def test_promtool_finds_no_fault() -> None:
    """Names, units, types and help are as Prometheus wants them, of jails that run, that end, and that fail."""
    daemon = Daemon()
    try:
        daemon.start()
        daemon.runjctl("run", "-d", "--name", "up", daemon.shell("up", "echo hello; exec sleep 1000"))
        daemon.runjctl("run", "-d", "--name", "down", daemon.shell("down", "exit 3"))
        wait_until(lambda: daemon.status("down")["phase"] == "idle", "the jail does not end")
        text = daemon.runjctl("metrics").stdout
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    finally:
        daemon.remove()

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    assert b'runjd_jail_exits_total{jail="down",reason="failure"} 1.0\n' in text
