"""How far a transfer is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.oci.demo.progress import bar, line

_MIB = 1 << 20


def test_a_line_says_what_is_known() -> None:
    """Part, amounts, rate and the time that is left."""
    assert line(_MIB, 4 * _MIB, _MIB, 2.0) == " 25%  1.0 of 4.0 MiB  0.5 MiB/s  0:06 left"
    assert line(4 * _MIB, 4 * _MIB, _MIB, 2.0) == "100%  4.0 of 4.0 MiB  0.5 MiB/s"
    assert line(_MIB, 0, _MIB, 1.0) == "1.0 MiB  1.0 MiB/s"
    assert line(0, 4 * _MIB, 0, 0.0) == "  0%  0.0 of 4.0 MiB"


def test_a_bar_fills() -> None:
    """From left to right."""
    assert bar(0, 10) == f"[{'.' * 30}]"
    assert bar(5, 10) == f"[{'#' * 15}{'.' * 15}]"
    assert bar(10, 10) == f"[{'#' * 30}]"


@given(st.integers(0, 1 << 50), st.integers(1, 1 << 50), st.integers(0, 1 << 50), st.floats(0, 1e9))
def test_any_amount_can_be_shown(done: int, total: int, moved: int, seconds: float) -> None:
    """Also more than there is, as a server may lie."""
    assert len(bar(done, total)) == 32
    assert "MiB" in line(done, total, moved, seconds)
