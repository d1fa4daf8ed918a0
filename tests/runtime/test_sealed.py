"""The interpreter cannot be written to by whom it enters."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

import pytest

from runjd.runtime import sealed

pytestmark = pytest.mark.root

PROGRAM = """
import os, sys
sys.path.insert(0, {checkout!r})
from runjd.runtime import sealed
sealed.seal()
print(os.getpid(), sealed.is_sealed(), *sys.argv[1:], flush=True)
sys.stdin.read()
"""


def own_interpreter(directory: str) -> str:
    """Copy the interpreter, as nobody can write to a program that runs elsewhere too."""
    path = os.path.join(directory, "bin", "python")
    os.mkdir(os.path.dirname(path))
    shutil.copy(os.path.realpath(sys.executable), path)
    with open(os.path.join(directory, "pyvenv.cfg"), "w", encoding="utf-8") as file:
        file.write(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    return path


def open_for_writing(path: str) -> int:
    """Return the errno of opening a file for writing, 0 where it can be."""
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        return error.errno or -1
    return 0


def test_program_cannot_be_written(private_dir: str) -> None:
    """Started over, the program runs from a mount that nobody can write through, also when it has ended."""
    python = own_interpreter(private_dir)
    program = PROGRAM.format(checkout=os.getcwd())
    child = subprocess.Popen(
        [python, "-I", "-S", "-c", program, "argument"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    words = child.stdout.readline().split()
    # What a jail holds on to, until the program has ended and is writable again.
    held = os.open(f"/proc/{child.pid}/exe", os.O_PATH)
    child.stdin.close()
    child.stdout.close()

    assert words == [str(child.pid), "True", "argument"]
    assert child.wait() == 0
    assert open_for_writing(f"/proc/self/fd/{held}") == errno.EROFS
    # Others reach it as ever: updates work.
    assert open_for_writing(python) == 0
    os.close(held)


def test_mounts_of_the_host_are_left_alone(private_dir: str) -> None:
    """A sealed program is in the mount namespace it was started in, so what it mounts there shows there."""
    python = own_interpreter(private_dir)
    program = PROGRAM.format(checkout=os.getcwd()).replace("os.getpid(), ", "os.readlink('/proc/self/ns/mnt'), ")
    found = subprocess.run(
        [python, "-I", "-S", "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )

    assert found.stdout.split() == [os.readlink("/proc/self/ns/mnt"), "True"]


def test_unprivileged_program_is_left_alone() -> None:
    """What a jail of an ordinary user could do to the interpreter, that user could do anyway."""
    pid = os.fork()
    if pid == 0:
        os.setresuid(65534, 65534, 65534)
        sealed.seal()
        os._exit(0 if os.geteuid() == 65534 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
