"""Descriptors that are passed on."""

from __future__ import annotations

import os

import pytest

from runjd.container.passing import NOTHING, Passed, take
from runjd.errors import BadArgument


def test_nothing_is_the_default() -> None:
    """Who asks for nothing gets nothing, and a program's environment stays as it is."""
    assert take(0, {}, 1) == NOTHING
    assert list(NOTHING.descriptors) == []
    assert NOTHING.environment([b"LISTEN_FDS=3"], 1) == [b"LISTEN_FDS=3"]


def test_the_program_is_told_of_its_sockets() -> None:
    """The variables of sd_listen_fds(3) replace those of the bundle."""
    passed = Passed(3, 2, "a:b")

    assert list(passed.descriptors) == [3, 4, 5]
    assert passed.environment([b"A=1", b"LISTEN_PID=7"], 42) == [
        b"A=1",
        b"LISTEN_PID=42",
        b"LISTEN_FDS=2",
        b"LISTEN_FDNAMES=a:b",
    ]


@pytest.mark.parametrize("text", ["", "x", "-1", "1000000", "²"])
def test_a_number_of_sockets_that_is_none_counts_as_none(text: str) -> None:
    """The variable comes from somewhere above our caller, who may know nothing of it."""
    assert take(0, {"LISTEN_PID": "5", "LISTEN_FDS": text}, 5) == NOTHING


def test_one_that_is_not_open_is_named() -> None:
    """Our own descriptors may not be taken for the caller's."""
    limit = os.sysconf("SC_OPEN_MAX")

    with pytest.raises(BadArgument, match=r"--preserve-fds \d+: descriptor \d+ is not open"):
        take(limit, {}, 1)
