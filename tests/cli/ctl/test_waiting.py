"""The words of what runjctl waits for; tests/functional/runjctl/test_waiting.py has them on a terminal."""

from __future__ import annotations

import pytest

from runjd.cli.ctl.waiting import words


@pytest.mark.parametrize(
    ("left", "total", "reason", "shown"),
    [
        (["web"], 1, "", "stopping web (7s)"),
        (["web"], 1, "it waits\x1b", "stopping web (7s): it waits\\x1b"),
        (["a", "b", "c", "d"], 100, "", "stopping 4 of 100 left: a, b, c, ... (7s)"),
        ([], 0, "", "stopping (7s)"),
    ],
)
def test_the_words(left: list[str], total: int, reason: str, shown: str) -> None:
    """They name a few, count all, and cannot talk to the terminal."""
    assert words("stopping", left, total, 7.4, reason) == shown
