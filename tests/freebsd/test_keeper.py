"""The keeper, which imports nothing once it has begun."""

from __future__ import annotations

import subprocess
import sys

_MAKE_ALL = """
from runjd.keeper.preload import close_imports, preload
from runjd.runtime.choose import RUNTIMES, available, wardens
preload()
close_imports()
for name in available():
    RUNTIMES[name]()
    wardens()[name]()
    print(name)
"""


def test_every_runtime_of_this_system_is_loaded_before_imports_end() -> None:
    """A worker of the keeper makes each, and what removes its jails, without an import."""
    made = subprocess.run([sys.executable, "-c", _MAKE_ALL], capture_output=True, text=True, check=False)

    assert made.stderr == ""
    assert "plain\n" in made.stdout
