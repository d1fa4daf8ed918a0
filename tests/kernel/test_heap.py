"""The heap of a process with threads."""

import os
import subprocess
import sys

import pytest

from tests.cli.program import ROOT

pytestmark = [
    pytest.mark.linux,
    pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="the C library is not glibc"),
]

_THREADS = f"""
import sys; sys.path.insert(0, {ROOT!r})
import threading
from runjd.kernel.heap import settle_heap
from runjd.kernel.libc import libc
if sys.argv[1] == "settled":
    settle_heap(1 << 20)
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
_CHUNKS = f"""
import sys; sys.path.insert(0, {ROOT!r})
import resource
from runjd.kernel.heap import settle_heap
if sys.argv[1] == "settled":
    settle_heap(1 << 20)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
chunk, large = 1_000_000, 6 << 20
b"x" * large  # which raises the limits of glibc, for good
before = faults()
for _ in range(100):
    b"x" * chunk
small = faults() - before
kept = b"x" * large, bytes(1000)
before = faults()
for _ in range(100):
    b"x" * large
print(small, faults() - before)
"""
_HOLES = f"""
import sys; sys.path.insert(0, {ROOT!r})
import resource
from runjd.kernel.heap import give_heap_back, settle_heap
settle_heap(1 << 20)
def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 10
chunks, small = [], []
for _ in range(500):
    chunks.append(b"x" * 65_536)
    small.append(bytes(1000))
full = memory()
chunks.clear()
left = memory()
give_heap_back()
print(full - left, left - memory())
"""


def _printed(script, how=""):
    return subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(("how", "is_one"), [("settled", True), ("alone", False)])
def test_threads_share_a_heap(how, is_one):
    """Left alone, each thread has one of its own."""
    assert (_printed(_THREADS, how).stderr.count("Arena ") == 1) is is_one


def test_a_chunk_takes_the_memory_of_the_last_one_and_what_is_larger_is_given_back():
    """Page faults tell; left alone, what is larger is kept once it was freed."""
    small, large = map(int, _printed(_CHUNKS, "settled").stdout.split())
    _, kept = map(int, _printed(_CHUNKS, "alone").stdout.split())

    assert small < 1_000
    assert large > 3 * kept


def test_holes_between_what_stays_are_given_back():
    """By itself the heap gives nothing of them back, as what stays lies above them."""
    left, given = map(int, _printed(_HOLES).stdout.split())

    assert left < 2_000
    assert given > 25_000
