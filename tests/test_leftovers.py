"""The checks that the tests leave nothing behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.leftovers import Leftovers, own_children

pytestmark = pytest.mark.linux


def test_a_child_is_found_until_it_is_reaped():
    """A child counts as left behind while it runs and while it is a zombie."""
    others = own_children()
    child = subprocess.Popen(["/bin/sleep", "60"])
    running = own_children() - others
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    ended = own_children() - others
    child.wait()

    assert (running, ended, own_children()) == ({child.pid}, {child.pid}, others)


@pytest.mark.parametrize("how", ["argument", "directory", "descriptor"])
def test_a_process_is_known_by_its_directory(tmp_path, how):
    """A process that names, works in or holds open the directory is found; nothing is found once it ended."""
    arguments = {
        "argument": (["/bin/sh", "-c", "echo; read line", str(tmp_path / "x")], None, subprocess.PIPE),
        "directory": (["/bin/sleep", "60"], tmp_path, subprocess.DEVNULL),
        "descriptor": (["/bin/sleep", "60"], None, os.open(tmp_path, os.O_RDONLY)),
    }
    command, cwd, stdin = arguments[how]
    with subprocess.Popen(command, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE) as child:
        if isinstance(stdin, int) and stdin >= 0:
            os.close(stdin)
        if how == "argument":  # its command line is not there at the first instant
            assert child.stdout is not None
            child.stdout.readline()
        seen = Leftovers(str(tmp_path), patience=0).found()
        child.kill()

    assert len(seen) == 1
    assert f"process {child.pid}" in seen[0]
    assert Leftovers(str(tmp_path)).found() == []


@pytest.mark.root
def test_a_mount_in_a_foreign_namespace_is_found(tmp_path):
    """A mount counts even where only another process's mount namespace has it."""
    script = f"mount -t tmpfs none {tmp_path} && cd / && echo ready && exec sleep 60"
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while not Path(f"/proc/{child.pid}/cmdline").read_bytes().startswith(b"sleep"):
            time.sleep(0.001)  # the shell has the path on its command line
        seen = Leftovers(str(tmp_path), patience=0).found()
        child.kill()

    assert seen == [f"process {child.pid} (sleep 60): mounted in its namespace"]


@pytest.mark.root
def test_a_process_whose_root_lies_in_the_directory_is_found(tmp_path):
    """After pivot_root nothing of a jail's process names the host's path but the source of its mounts."""
    script = (
        f"mount --bind {tmp_path} {tmp_path} && cd {tmp_path} && mkdir usr lib lib64 bin old proc"
        " && mount --bind /usr usr && mount --bind /lib lib && mount --bind /bin bin && mount -t proc proc proc"
        " && { mount --bind /lib64 lib64 || true; } && pivot_root . old && cd / && umount -l old"
        " && echo ready && exec sleep 60"
    )
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        seen = Leftovers(str(tmp_path), patience=0).found()
        child.kill()

    assert [line.split(" ")[:2] for line in seen] == [["process", str(child.pid)]]
