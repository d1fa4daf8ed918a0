"""What the kernel started us with can be forgotten."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.memory import memory_of

PROGRAM = f"""
import sys
sys.path.append({os.getcwd()!r})
from runjd.kernel.command_line import forget_variables
forget_variables((b"KEPT_", b"PATH"))
import os
print(*sorted(os.environ), os.environ["KEPT_ONE"], flush=True)
sys.stdin.read()
"""


@pytest.mark.linux
def test_forgotten_variables_are_nowhere_in_memory() -> None:
    """Neither their names nor what they say, not even the empty and the short ones; the kept ones are there."""
    environment = {"KEPT_ONE": "mackerel", "PATH": "/bin", "SECRET_ONE": "swordfish", "EMPTY": "", "SHORT": "x"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PROGRAM],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    said = child.stdout.readline().split()
    memory = memory_of(child.pid)
    with open(f"/proc/{child.pid}/environ", "rb") as file:
        shown = file.read()
    child.stdin.close()
    child.stdout.close()

    assert child.wait() == 0
    assert said == ["KEPT_ONE", "PATH", "mackerel"]
    assert b"mackerel" in memory
    assert b"swordfish" not in memory
    assert b"SECRET_ONE" not in memory
    assert shown.strip(b"\0") == b""
