"""
CVE-2019-5736: a jail writes to the interpreter that entered it.

The program of the jail is a script whose interpreter is /proc/self/exe: the kernel
then executes whatever is about to become the program, which is ours.  runj runs
from a copy of Python that nothing else runs, so that no other process keeps the
file from being written to.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from tests.functional.runj.command import PROGRAM
from tests.security.hostile import Hostile, own_interpreter

pytestmark = pytest.mark.root

EVIL = """#!/proc/self/exe
import errno, json, os, sys, time
def attempt(path):
    try:
        fd = os.open(path, os.O_WRONLY)
    except OSError as error:
        return errno.errorcode[error.errno]
    os.write(fd, b"#!/bin/evil\\n")
    return "written"
if len(sys.argv) < 2 or sys.argv[1] != "again":
    # While we are executed from it, it is busy; a descriptor of it outlives that.
    fd = os.open("/proc/self/exe", os.O_PATH)
    os.set_inheritable(fd, True)
    first = attempt(f"/proc/self/fd/{fd}")
    os.execv(REAL, [REAL, "-ISB", "/evil", "again", str(fd), first])
found = {sys.argv[3]}
for _ in range(200):
    found.add(attempt("/proc/self/fd/" + sys.argv[2]))
    if "written" in found:
        break
    time.sleep(0.01)
with open("/told/out.new", "w") as file:
    json.dump(sorted(found), file)
os.rename("/told/out.new", "/told/out")
"""


@pytest.fixture
def python(hostile: Hostile) -> str:
    """Return an interpreter of our own, to run runj with."""
    return own_interpreter(hostile.directory)


def test_a_program_cannot_write_to_who_started_it(hostile: Hostile, python: str) -> None:
    """Whatever it holds on to, and however long it waits, the file system it is on is read-only."""
    bundle, before = _bundle(hostile, ["/evil"]), _digest(python)

    for verb in (["create", "-b", bundle, "web"], ["start", "web"]):
        _runj(hostile, python, *verb)

    # busy as long as it still runs, and never to be written to
    assert hostile.heard() in (["EROFS"], ["EROFS", "ETXTBSY"])
    assert _digest(python) == before


def test_a_program_of_exec_cannot_either(hostile: Hostile, python: str) -> None:
    """The same by exec, with the program in the place of a shell."""
    bundle, before = _bundle(hostile, ["sleep", "60"]), _digest(python)
    _runj(hostile, python, "create", "-b", bundle, "web")
    _runj(hostile, python, "start", "web")

    _runj(hostile, python, "exec", "-d", "-e", f"PYTHONHOME={sys.base_prefix}", "web", "/evil")

    # busy as long as it still runs, and never to be written to
    assert hostile.heard() in (["EROFS"], ["EROFS", "ETXTBSY"])
    assert _digest(python) == before


def test_a_naive_runtime_is_written_to(hostile: Hostile, python: str) -> None:
    """The same attack on the same operations, in a process that did not seal its interpreter, succeeds."""
    bundle, before = _bundle(hostile, ["/evil"]), _digest(python)
    naive = (
        f"import sys, time; sys.path.append({os.getcwd()!r}); from runjd.container.operations import Operations; "
        "from runjd.container.stdio import Inherited; from runjd.runtime.choose import RUNTIMES; "
        f"Operations({hostile.jails.state_dir!r}, RUNTIMES, time.time).create("
        f"'web', {bundle!r}, Inherited(), runtime='linux', start=True)"
    )

    subprocess.run([python, "-I", "-S", "-c", naive], check=True, stdin=subprocess.DEVNULL)

    found = hostile.heard()
    assert isinstance(found, list)
    assert "written" in found
    assert _digest(python) != before


def _bundle(hostile: Hostile, args: list[str]) -> str:
    config = hostile.config(args, env=[f"PYTHONHOME={sys.base_prefix}"])
    bundle = hostile.jails.write(config)
    with open(f"{bundle}/rootfs/evil", "w") as file:
        file.write(EVIL.replace("REAL", repr(os.path.realpath(sys.executable))))
    os.chmod(f"{bundle}/rootfs/evil", 0o755)
    return bundle


def _runj(hostile: Hostile, python: str, *words: str) -> None:
    """Run runj by that interpreter, and wait until nothing runs from it any more."""
    command = [python, *PROGRAM[1:], "--root", hostile.jails.state_dir, *words]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=10)


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
