"""A real keeper for tests of this room."""

from collections.abc import Iterator

import pytest

from tests.keeper.running import RunningKeeper


@pytest.fixture
def keeper(private_dir: str) -> Iterator[RunningKeeper]:
    """Return a keeper that is removed with all its jails at the end."""
    running = RunningKeeper(private_dir)
    yield running
    running.end()
