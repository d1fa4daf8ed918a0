"""The unit of systemd in etc/."""

import shlex
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


@pytest.mark.parametrize(("state", "asked"), [("running", ""), ("degraded", ""), ("stopping", "shutdown --stop\n")])
def test_jails_are_stopped_when_the_system_goes_down(tmp_path, state, asked):
    """And only then: when the unit is stopped or started again, they go on."""
    for name, script in (("systemctl", f"echo {state}"), ("runjctl", 'echo "$*"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    line = next(each for each in UNIT.read_text().splitlines() if each.startswith("ExecStop="))
    words = shlex.split(line.partition("=")[2].replace("$$", "$").replace("/usr/local/bin", str(tmp_path)))
    done = subprocess.run(
        words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=30
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, asked, "")


def test_jails_have_no_privilege_of_the_daemon_and_none_of_its_limits():
    """They are born with what the unit says: memory is taken from them, processes are as many as they like."""
    lines = UNIT.read_text().splitlines()

    assert not [line for line in lines if line.startswith(("OOMScoreAdjust", "OOMPolicy", "Nice", "LimitRTPRIO"))]
    assert {"TasksMax=infinity", "LimitNPROC=infinity"} <= set(lines)
