"""What the porter gives up where it may not give up all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_BEGIN = f"import sys, os, socket; sys.path.insert(0, {ROOT!r})\nfrom runjd.access.porter import confine\n"
_END = """
left = confine.confine(65534, 65534, sys.argv[1], 64)
print("\\n".join(left))
try:
    socket.socket()
except PermissionError:
    print("no sockets")
"""

pytestmark = [pytest.mark.linux, pytest.mark.root]


def _run(directory: str, *before: str, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", _BEGIN + code + _END, directory]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def _in_own_users(directory: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run it as a root who can become nobody else."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare (Debian: util-linux) is missing")
    if subprocess.run(["unshare", "-U", "-r", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this host lets nobody make user namespaces")
    return _run(directory, "unshare", "-U", "-r", code=code)


def test_a_root_who_may_not_become_another_user_gives_up_the_rest(tmp_path):
    """TLS is spoken there, too; what is kept is told."""
    done = _in_own_users(str(tmp_path))

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [each for each in lines if each.startswith("user: ")]
    assert not [each for each in lines if each.startswith(("files", "namespaces", "system calls"))]
    assert lines[-1] == "no sockets"


def test_it_leaves_no_core_and_nobody_traces_it(tmp_path):
    """It has the key in memory: whatever the host does with what a program leaves that becomes another user."""
    none = "confine.seccomp.load = lambda *_: None\n"
    asks = "import atexit; from runjd.kernel import prctl; atexit.register(lambda: print(prctl.get_dumpable()))\n"
    done = _in_own_users(str(tmp_path), code=none + asks)

    assert done.stdout.splitlines()[-1] == "0", done.stderr


def test_it_never_is_root_with_all_system_calls(tmp_path):
    """Then it ends, and says why."""
    none = "def none(*_): raise OSError('no libseccomp')\nconfine.libseccomp.Library = none\n"
    done = _in_own_users(str(tmp_path), code=none)

    assert done.returncode == 1
    assert "PermissionError: it would stay root, with all system calls: system calls: no libseccomp; " in done.stderr


def test_what_only_root_can_give_up_is_told_where_an_ordinary_user_keeps_it(tmp_path):
    """The system calls he gives up, too."""
    done = _run(str(tmp_path), code="os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "files, network and user: only root can give them up\nno sockets\n"
