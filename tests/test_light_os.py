"""A part of os that is there at once, and the rest when it is asked for."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runjd.light_os import fsdecode, fsencode
from tests.cli.program import PATIENCE, ROOT

BEGIN = f"""
import sys
sys.path.append({ROOT!r})
from runjd.light_os import lighten_os
lighten_os()
import os
light = set(vars(os))
"""
#: what only a process asks for that has not entered anything
OUTSIDE = {"makedirs", "environ", "POSIX_SPAWN_DUP2"}


def said(program: str) -> list[str]:
    """Return the words that a program prints in a bare interpreter with a light os."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", BEGIN + program]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.split()


@pytest.mark.parametrize("name", ["a", "\udcff", "\u00e4", b"a", b"\xff"])
def test_names_are_encoded_as_by_os(name: str | bytes) -> None:
    """Also those that are no text."""
    assert fsencode(name) == os.fsencode(name)
    assert fsdecode(name) == os.fsdecode(name)


def test_what_is_there_is_what_os_has() -> None:
    """Each function, constant and class is the same before and after, but the two that the light one has itself."""
    program = """
before = {name: getattr(os, name) for name in light if name[:2] != "__"}
os.environ
print(*[name for name, value in before.items() if getattr(os, name) != value])
"""
    assert set(said(program)) == {"fsencode", "fsdecode"}


def test_the_rest_is_loaded_when_it_is_asked_for() -> None:
    """In the same module, so that it does not matter who imported it when."""
    program = """
first = os
print("_collections_abc" in sys.modules)
from os import environ
import os, os.path, subprocess
print(os is first, os.path.join("a", "b"), environ is os.environ, os.__spec__.name, "__getattr__" in vars(os))
try:
    os.no_such
except AttributeError:
    print("none")
"""
    assert said(program) == ["False", "True", "a/b", "True", "os", "False", "none"]


def test_where_os_is_loaded_it_stays() -> None:
    """Nothing is taken from a program that has it."""
    assert said("import os; os.environ; lighten_os(); import os as other; print(os is other)") == ["True"]


def test_a_child_finds_all_that_it_asks_for() -> None:
    """Whatever modules that enter jails ask of os is there: they cannot load the rest."""
    asked = set()
    for room in ("kernel", "runtime", "container"):
        for path in Path(ROOT, "runjd", room).rglob("*.py"):
            for each in ast.walk(ast.parse(path.read_text())):
                if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "os":
                    asked.add(each.attr)
                assert not (isinstance(each, ast.ImportFrom) and each.module == "os")

    there = set(said("print(*light)"))
    assert {name for name in asked - OUTSIDE - there if hasattr(os, name)} == set()
