"""What makes runjctl start fast: what it does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runjd.cli.ctl.table import PLACES
from tests.cli.program import PATIENCE, ROOT

SLOW = {
    "argparse", "asyncio", "dataclasses", "enum", "inspect", "json", "logging", "pathlib", "re",
    "selectors", "shutil", "signal", "socket", "subprocess", "tempfile", "traceback", "twisted", "typing", "zope",
}  # fmt: skip


@pytest.mark.parametrize("module", sorted({module for module, _ in PLACES.values()}))
def test_nothing_slow_is_imported(module: str) -> None:
    """Neither the program nor any of its verbs loads a slow module of the standard library, or Twisted."""
    script = (
        f"import sys; sys.path.append({ROOT!r}); import runjd.cli.runjctl, runjd.cli.ctl.{module}; "
        "print(*(name for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", script], capture_output=True, timeout=PATIENCE, check=True
    )
    loaded = set(done.stdout.decode().split())
    assert loaded & SLOW == set()
    assert len(loaded) < 90
