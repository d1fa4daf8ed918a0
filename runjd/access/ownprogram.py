"""The commands of programs that are modules of ours, and speak TLS so that the daemon does not."""

from __future__ import annotations

import os
import sys

_CODE = "import sys; sys.path[:] = sys.argv.pop(1).split(chr(0x1f)); from {} import main; main()"


def own_program(module: str) -> list[str]:
    """Return how the ``main`` of a module is run, which finds modules where we do, whatever the environment says."""
    # nothing is loaded that would look at the environment, or at files of the user
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", _CODE.format(module), "\x1f".join(_search_path())]


def _search_path() -> list[str]:
    """Return where modules are found: where we do, also where they are of a user, or of an environment."""
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = [each for each in sys.path if os.path.isabs(each)]
    return found if ours in found else [ours, *found]
