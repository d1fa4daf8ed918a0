"""Bytes that are nearly right upset nobody; ``make fuzz`` throws more of them."""

from __future__ import annotations

import pytest

from tests.fuzz.live import LIVE
from tests.fuzz.target import throw
from tests.fuzz.targets import IN_MEMORY


@pytest.mark.parametrize("make", IN_MEMORY, ids=[each.name for each in IN_MEMORY])
def test_whatever_is_sent(make):
    """No exception that nobody foresaw, no memory without bound, no connection that is stuck."""
    target = make()
    try:
        for number in range(400):
            throw(target, number)
    finally:
        target.close()


@pytest.mark.parametrize("make", LIVE, ids=[each.name for each in LIVE])
def test_whatever_is_sent_to_a_process(make):
    """The next one is served, and nobody met an exception."""
    target = make()
    try:
        for number in range(60):
            throw(target, number)
    finally:
        target.close()
