"""What the tests of tasks share."""

from __future__ import annotations

import pytest_twisted

from tests.containerd.bench import Bench


@pytest_twisted.async_yield_fixture
async def bench(private_dir):
    """Return tasks, on a keeper."""
    made = Bench(private_dir)
    await made.is_ready()
    yield made
    await made.close()
