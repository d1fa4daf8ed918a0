"""The object that gathers FreeBSD's system calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent.parent


def test_it_can_be_imported_anywhere() -> None:
    """Nothing is looked up in the C library before it is called, and no slow module is loaded."""
    script = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import runjd.kernel.freebsd.kernel; print(*sys.modules)"
    )
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)

    assert not set(found.stdout.split()) & {"typing", "enum", "dataclasses", "re", "inspect", "socket", "subprocess"}
