"""All that a worker can need is loaded before the keeper's imports end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from runjd.keeper.preload import close_imports, preload
preload()
close_imports()
from runjd.runtime.linux import run
for each in run._TAKES.values():
    __import__(f"runjd.runtime.{each}")
"""


@pytest.mark.linux
def test_what_a_seldom_step_takes_is_loaded_as_well() -> None:
    """A step that only some jails have finds its module where nothing can be imported any more."""
    subprocess.run([sys.executable, "-I", "-S", "-c", PROGRAM, os.getcwd()], check=True)
