"""Calls of the C library with nothing of Python in between."""

from __future__ import annotations

import os

import pytest

from runjd.kernel.in_turn import call_in_turn
from runjd.kernel.libc import c_size_t, c_void_p, held_libc
from runjd.kernel.native import addressof, create_string_buffer


@pytest.mark.linux
@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="not tried on this machine")
@pytest.mark.parametrize("count", [1, 2, 7])
def test_calls_are_made_in_turn(count: int) -> None:
    """Each sees what the one before it did, however many there are, and then Python goes on."""
    memory = create_string_buffer(b"a" + bytes(count))
    place, one = addressof(memory), c_size_t(1)

    call_in_turn(*[(held_libc.memmove, c_void_p(place + n + 1), c_void_p(place + n), one) for n in range(count)])

    assert memory.raw[:-1] == b"a" * (count + 1)
