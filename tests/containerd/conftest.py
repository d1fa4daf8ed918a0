"""What the tests of tasks share."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.logger import formatEvent, globalLogPublisher

from tests.containerd.bench import Bench


@pytest_twisted.async_yield_fixture
async def bench(private_dir):
    """Return tasks, on a keeper."""
    made = Bench(private_dir)
    await made.is_ready()
    yield made
    await made.close()


@pytest.fixture
def captured():
    """Return what is logged, as text; filled as the test goes on."""
    said: list[str] = []

    def heard(event) -> None:
        said.append(formatEvent(event))

    globalLogPublisher.addObserver(heard)
    yield said
    globalLogPublisher.removeObserver(heard)
