"""Style and types, checked as part of the tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
SHELL_SCRIPTS = (".ci/packages", ".ci/python", ".ci/run", ".ci/venv")
PYTHON_FILES = (".ci/left",)


def tool(name):
    """Return the path of a tool of the environment; without it a test is skipped, but not in CI."""
    found = shutil.which(name, path=os.path.dirname(sys.executable))
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(f"{name} is not installed in {sys.prefix}")
    assert found, f"{name} is not installed in {sys.prefix}"
    return found


def check(*command):
    """Fail with the words of a checker that is not content."""
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_ruff_finds_nothing():
    """The sources keep the rules in pyproject.toml."""
    check(tool("ruff"), "check", "--quiet", ".", *PYTHON_FILES)


def test_the_sources_are_formatted():
    """ruff format would change nothing."""
    check(tool("ruff"), "format", "--check", "--quiet", ".", *PYTHON_FILES)


def test_the_types_agree():
    """mypy in strict mode, with the zope plugin, is content."""
    check(tool("mypy"), "--no-error-summary")


@pytest.mark.parametrize("script", SHELL_SCRIPTS)
def test_a_shell_script_is_well_formed(script):
    """A POSIX shell can read the scripts."""
    check("/bin/sh", "-n", script)


def test_the_makefile_is_portable():
    """Another make than GNU's, where there is one, reads the Makefile as well."""
    other = shutil.which("bmake") or shutil.which("make")
    if other is None:
        pytest.skip("no make")
    check(other, "-n", "test")
