"""The packages that few verbs need: runjctl starts without the directories that they lie in."""

from __future__ import annotations

import sys


def find_packages() -> None:
    """Have what is installed beside runjd be found by import from now on."""
    if sys.flags.no_site:
        import site

        site.main()
