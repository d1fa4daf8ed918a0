"""The object that gathers FreeBSD's system calls."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent.parent


def test_it_can_be_imported_anywhere() -> None:
    """Nothing is looked up in the C library before it is called, and no slow module is loaded."""
    script = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import runjd.kernel.freebsd.kernel; print(*sys.modules)"
    )
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)

    assert not set(found.stdout.split()) & {"typing", "enum", "dataclasses", "re", "inspect", "socket", "subprocess"}


@pytest.mark.parametrize("room", ["kernel/freebsd", "runtime/freebsd"])
def test_nothing_is_imported_late(room: str) -> None:
    """A child between fork and exec cannot import: what a call needs is there when its module is."""
    late = []
    for path in (CHECKOUT / "runjd" / room).glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                late += [path.name for each in ast.walk(function) if isinstance(each, ast.Import | ast.ImportFrom)]

    assert late == []


def test_the_slow_half_of_ctypes_is_not_needed() -> None:
    """To make the arrays that jail(2) and nmount(2) take, neither."""
    script = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from runjd.kernel.freebsd import iovec, kernel; "
        "iovec.Iovec([('name', b'web')]); print(*sys.modules)"
    )
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)

    assert "ctypes" not in found.stdout.split()
