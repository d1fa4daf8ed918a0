"""Pages of files that only the start has needed are given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.program import ROOT

pytestmark = pytest.mark.linux

_PROGRAM = f"""
import sys; sys.path.insert(0, {ROOT!r})
import array, ctypes, hashlib, ssl, unicodedata
from runjd.kernel.filepages import give_file_pages_back
def memory():
    with open("/proc/self/smaps_rollup") as file:
        said = dict(line.split()[:2] for line in list(file)[1:])
    return int(said["Rss:"]) - int(said["Anonymous:"]), int(said["Anonymous:"])
give_file_pages_back()
ssl.create_default_context()
before = hashlib.sha256(b"x" * 1_000_000).hexdigest(), unicodedata.name("x"), ctypes.sizeof(ctypes.c_int)
files, own = memory()
give_file_pages_back()
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
