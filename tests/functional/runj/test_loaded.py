"""What makes runj start fast: what it does not load, verb by verb."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.functional.runj.command import _SOURCE, PATIENCE, Runj

pytestmark = pytest.mark.root

#: each takes as long as everything that a verb does, or nearly
SLOW = {
    "_collections_abc", "argparse", "asyncio", "collections", "ctypes", "dataclasses", "enum", "functools", "inspect",
    "json", "logging", "operator", "pathlib", "re", "selectors", "shutil", "signal", "socket", "subprocess",
    "tempfile", "threading", "traceback", "twisted", "types", "typing", "zope",
}  # fmt: skip
#: what makes jails, and nobody needs to look at one or to end it
MAKING = {
    "_ctypes", "runjd.container.create", "runjd.container.execute", "runjd.container.launch", "runjd.kernel.libc",
    "runjd.kernel.linux", "runjd.runtime.linux.runtime", "runjd.runtime.linux.run", "runjd.runtime.linux.steps",
    "runjd.spec.model",
    "runjd.container.stdio", "runjd.spec.parse",
}  # fmt: skip
#: what only some jails need
SELDOM = {
    "runjd.container.console", "runjd.container.hooks", "runjd.kernel.seccomp", "runjd.runtime.freebsd.runtime",
    "runjd.runtime.plain", "runjd.spec.parse_freebsd", "termios",
}  # fmt: skip

WATCHED = f"""
import posix, sys
sys.path.append({_SOURCE!r})
from runjd.cli.runj import main
status = main(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(" ".join(sys.modules))
posix._exit(status)
"""


def loaded(runj: Runj, *words: str) -> set[str]:
    """Return what a call that succeeds has loaded at its end."""
    told = f"{runj.directory}/loaded"
    script = [sys.executable, "-I", "-S", "-X", "utf8", "-c", WATCHED, told, "--root", runj.jails.state_dir]
    quiet = subprocess.DEVNULL
    subprocess.run([*script, *words], stdin=quiet, stdout=quiet, stderr=quiet, timeout=PATIENCE, check=True)
    with open(told, encoding="utf-8") as file:
        return set(file.read().split())


@pytest.mark.parametrize(
    ("words", "most"),
    [
        (("state", "web"), 92),
        (("list",), 82),
        (("ps", "web"), 95),
        (("kill", "web", "CONT"), 92),
        (("start", "web"), 92),
        (("delete", "--force", "web"), 92),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_a_verb_loads_nothing_of_what_makes_jails(linux: Runj, words: tuple[str, ...], most: int) -> None:
    """Who looks at a jail, starts or ends it loads neither a slow module nor the calls of the C library."""
    linux.create("web", ["sleep", "60"])
    found = loaded(linux, *words)

    assert found & (SLOW | MAKING | SELDOM) == set()
    assert len(found) < most


@pytest.mark.parametrize("verb", ["create", "run", "exec"])
def test_what_enters_a_jail_loads_only_what_it_asks_for(linux: Runj, verb: str) -> None:
    """A jail without terminal, hooks and filters is made without the modules for them, and without slow ones."""
    if verb == "exec":
        linux.create("web", ["sleep", "60"])
        linux.ok("start", "web")
        words = ["exec", "web", "true"]
    else:
        words = [verb, "--bundle", linux.bundle(["true"]), "new"]
    found = loaded(linux, *words)

    assert found & (SLOW | SELDOM) == set()
    assert len(found) < 150


def test_help_loads_only_the_command_line(linux: Runj) -> None:
    """No container is thought of."""
    assert {"runjd.container.operations", "runjd.runtime.contract"}.isdisjoint(loaded(linux, "--help"))
