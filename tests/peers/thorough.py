"""What only make peers runs: the rows of tables whose like is tried by other rows."""

import os

import pytest

_NAMED = os.environ.get("PEERS_RUNTIMES", "").split()
IS_THOROUGH = bool(_NAMED)
#: the runtimes that the peers call: ours; for make peers, those that it is measured by, too
WANTED = _NAMED or ["runj"]


def thorough(*rows: tuple[object, ...]) -> list[object]:
    """Return rows of a parametrized test for make peers."""
    return [pytest.param(*row, marks=pytest.mark.thorough) for row in rows]
