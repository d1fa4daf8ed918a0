"""Pages of files that only the start has needed are given back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import ROOT

pytestmark = pytest.mark.linux

_PROGRAM = f"""
import sys; sys.path.insert(0, {ROOT!r})
import array, ctypes, hashlib, ssl, unicodedata
from runjd.kernel.filepages import FilePages
pages = FilePages()
def memory():
    with open("/proc/self/smaps_rollup") as file:
        said = dict(line.split()[:2] for line in list(file)[1:])
    return int(said["Rss:"]) - int(said["Anonymous:"]), int(said["Anonymous:"])
pages.give_back()
ssl.create_default_context()
before = hashlib.sha256(b"x" * 1_000_000).hexdigest(), unicodedata.name("x"), ctypes.sizeof(ctypes.c_int)
files, own = memory()
pages.give_back()
left, still = memory()
ssl.create_default_context()
after = hashlib.sha256(b"x" * 1_000_000).hexdigest(), unicodedata.name("x"), ctypes.sizeof(ctypes.c_int)
print(files - left, abs(still - own), before == after)
"""


def test_what_is_not_needed_is_given_back_and_what_is_needed_comes_again() -> None:
    """A megabyte of libraries at least; what the process has written stays, and everything goes on."""
    command = [sys.executable, "-I", "-c", _PROGRAM]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()

    assert int(said[0]) > 1_000
    assert int(said[1]) < 200
    assert said[2] == "True"


_LOADING = f"""
import sys; sys.path.insert(0, {ROOT!r})
import mmap
from runjd.kernel.filepages import FilePages
pages = FilePages()
def is_there():
    with open("/proc/self/smaps") as file:
        text = file.read().split(sys.argv[1])[1]
    return int(text.split("Rss:")[1].split()[0]) > 0
pages.give_back()
with open(sys.argv[1], "rb") as file:
    made = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
made[0]
pages.give_back()
before = is_there()
pages.give_back()
print(before, is_there(), made[:4])
"""


def test_what_may_just_be_loaded_is_left_as_it_is(tmp_path: Path) -> None:
    """Another thread writes to it next, and that would be gone; once it has lain there for a while it is given back."""
    path = tmp_path / "library.so"
    path.write_bytes(b"code" * 4096)
    command = [sys.executable, "-I", "-c", _LOADING, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()

    assert said == ["True", "False", "b'code'"]
