"""What one daemon hands to the next in the same process arrives there, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from runjd.errors import WrongState
from runjd.supervise.directories import lock_directory
from runjd.supervise.succession import VARIABLE, Handed, take_handed

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: executes another program, which tells what it got
_BEFORE = """
import os, signal, sys
sys.path.insert(0, {root!r})
from runjd.supervise.succession import Handed, execute
first, second = os.pipe()
print(os.getpid(), first, second)
execute([sys.executable, "-c", {after!r}], "/", os.environ, Handed(first, second, -1, 77))
"""
_AFTER = f"""
import os, signal, sys
sys.path.insert(0, {_ROOT!r})
from runjd.supervise.succession import take_handed
handed = take_handed(os.environ)
os.write(handed.lock, b"x")
assert os.read(handed.control, 1) == b"x"
is_kept = [os.get_inheritable(each) for each in (handed.control, handed.lock)]
again = take_handed(os.environ)
ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
print(os.getpid(), handed.control, handed.lock, handed.data_lock, handed.descriptors, is_kept, os.getcwd(), ignored,
      again.control)
"""


def test_descriptors_go_along_and_the_pid_stays() -> None:
    """They work, go no further than that, and SIGHUP ends nobody before it is heard again."""
    script = _BEFORE.format(root=_ROOT, after=_AFTER)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    before, after = done.stdout.splitlines()
    pid, first, second = before.split()
    assert after == f"{pid} {first} {second} -1 77 [False, False] / True -1"


@pytest.mark.parametrize(
    "said",
    ["", "x", "[]", "{}", '{"pid": 1, "control": 0}', json.dumps({"pid": os.getpid(), "control": 99999})],
    ids=["nothing", "noise", "list", "empty", "another", "no-descriptor"],
)
def test_what_is_meant_for_nobody_here_is_nothing(said: str) -> None:
    """A variable that came from elsewhere, or makes no sense; it goes no further either."""
    environment = {VARIABLE: said}

    assert take_handed(environment) == Handed()
    assert environment == {}


def test_a_lock_that_is_handed_on_was_never_free(private_dir: str) -> None:
    """Nobody can come between, and whoever has it goes on having it."""
    held = lock_directory(private_dir)

    assert lock_directory(private_dir, held) == held
    with pytest.raises(WrongState, match="another runjd serves"):
        lock_directory(private_dir)

    os.close(held)


def test_a_lock_of_another_directory_counts_nothing(private_dir: str) -> None:
    """As where the configuration names another one now: that is locked, the old one free."""
    for name in ("one", "two"):
        os.mkdir(f"{private_dir}/{name}", 0o700)
    held = lock_directory(f"{private_dir}/one")

    made = lock_directory(f"{private_dir}/two", held)

    os.close(lock_directory(f"{private_dir}/one"))
    os.close(made)
