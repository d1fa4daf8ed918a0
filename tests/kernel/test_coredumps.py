"""Tests for :mod:`runjd.kernel.coredumps`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.program import ROOT

_FORBID = f"import sys; sys.path.insert(0, {ROOT!r}); from runjd.kernel.coredumps import forbid_core_dumps; "
_ABORT = "import os, resource, signal; resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2); "


@pytest.mark.root
def test_no_core_is_written(tmp_path):
    """Whatever the limit says, and whoever the kernel hands cores to."""
    script = f"{_FORBID}forbid_core_dumps(); {_ABORT}os.abort()"
    child = subprocess.Popen([sys.executable, "-I", "-c", script], cwd=tmp_path)

    _, status = os.waitpid(child.pid, 0)
    child.returncode = status

    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="asks prctl(2) of Linux")
def test_a_fork_inherits_it_and_a_program_does_not():
    """So it holds for workers of the keeper, and not for what they execute in a jail."""
    asked = "from runjd.kernel.prctl import get_dumpable; print(get_dumpable(), flush=True); "
    again = f"import sys; sys.path.insert(0, {ROOT!r}); {asked}"
    script = f"{_FORBID}forbid_core_dumps(); import os; os.fork() and os._exit(os.wait()[1] >> 8); {asked}"
    script += f"os.execv(sys.executable, [sys.executable, '-I', '-c', {again!r}])"

    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=True, timeout=20)

    assert done.stdout.split() == [b"0", b"1"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks prctl(2) of Linux")
def test_an_ordinary_user_keeps_what_proc_shows_of_him():
    """Nothing is done for him."""
    script = f"{_FORBID}import os; from runjd.kernel.prctl import get_dumpable, set_dumpable; "
    script += "os.getuid() or os.setresuid(65534, 65534, 65534); set_dumpable(1); "
    script += "forbid_core_dumps(); sys.exit(get_dumpable() != 1)"

    subprocess.run([sys.executable, "-I", "-c", script], check=True, timeout=20)
