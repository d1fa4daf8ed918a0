"""The heap of a process with threads."""

import subprocess
import sys

import pytest

from tests.cli.program import ROOT

_THREADS = f"""
import sys; sys.path.insert(0, {ROOT!r})
import threading
from runjd.kernel.heap import share_heap
from runjd.kernel.libc import libc
if sys.argv[1] == "shared":
    share_heap()
barrier = threading.Barrier(4)
def take():
    barrier.wait()
    held = [bytes(100_000) for _ in range(10)]
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc.malloc_stats()
"""


@pytest.mark.linux
@pytest.mark.parametrize(("how", "is_one"), [("shared", True), ("alone", False)])
def test_threads_share_a_heap(how, is_one):
    """Without it, each thread has one of its own."""
    ran = subprocess.run([sys.executable, "-c", _THREADS, how], capture_output=True, text=True, check=True)
    if "Arena" not in ran.stderr:
        pytest.skip("the C library is not glibc")

    assert (ran.stderr.count("Arena ") == 1) is is_one
