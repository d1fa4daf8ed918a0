"""The file in which engines find the pid of a process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runjd.cli.oci.pidfile import PidFile, open_nameless
from runjd.errors import RunjdError


def _no_nameless(directory: str) -> int:
    """As a file system that knows no files without a name."""
    return -1


@pytest.fixture(params=[open_nameless, _no_nameless])
def pid_file(request: pytest.FixtureRequest, tmp_path: Path) -> PidFile:
    return PidFile(str(tmp_path / "pid"), request.param)


def test_the_name_comes_with_the_pid(pid_file: PidFile, tmp_path: Path) -> None:
    """Nobody who looks for the file finds a part of it."""
    with pid_file:
        assert not (tmp_path / "pid").exists()
        pid_file.write(4711)
        assert (tmp_path / "pid").read_bytes() == b"4711"

    assert os.listdir(tmp_path) == ["pid"]


def test_what_was_there_is_replaced(pid_file: PidFile, tmp_path: Path) -> None:
    """As a whole, also where it was longer, and what a link leads to stays."""
    (tmp_path / "other").write_text("precious")
    (tmp_path / "pid").symlink_to("other")
    with pid_file:
        pid_file.write(1)

    assert (tmp_path / "pid").read_bytes() == b"1"
    assert not (tmp_path / "pid").is_symlink()
    assert (tmp_path / "other").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["other", "pid"]


def test_nothing_is_left_where_there_was_no_pid(pid_file: PidFile, tmp_path: Path) -> None:
    """Whatever failed between."""
    with pytest.raises(RuntimeError), pid_file:
        raise RuntimeError

    assert os.listdir(tmp_path) == []


def test_a_missing_directory_is_told_at_the_begin(tmp_path: Path) -> None:
    """Before there is a process whose pid nobody would learn."""
    with pytest.raises(RunjdError, match="no such file or directory"), PidFile(str(tmp_path / "no/pid")):
        pass


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_nothing_is_left_of_who_was_killed(tmp_path: Path) -> None:
    """A file without a name is gone with the process that has it open."""
    pid = os.fork()
    if pid == 0:
        with PidFile(str(tmp_path / "pid")):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)

    assert os.listdir(tmp_path) == []
