"""The unit of systemd in etc/."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parent.parent / "etc" / "runjd.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault(tmp_path):
    """With programs that are there, it has nothing to say."""
    unit = tmp_path / "runjd.service"
    unit.write_text(
        UNIT.read_text()
        .replace("/usr/local/bin/twistd", sys.executable)
        .replace("/usr/local/bin/runjctl", sys.executable)
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )

    assert [line for line in (done.stdout + done.stderr).splitlines() if "runjd" in line] == []
    assert done.returncode == 0


def test_jails_and_keeper_outlive_the_daemon():
    """Only the daemon is killed, watched and listened to; the control groups below are ours."""
    lines = UNIT.read_text().splitlines()

    for line in ("Type=notify", "NotifyAccess=main", "WatchdogSec=60", "KillMode=process", "Delegate=yes"):
        assert line in lines
