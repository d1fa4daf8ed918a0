"""A daemon in memory for each test."""

from collections.abc import Iterator

import pytest

from tests.supervise.world import World


@pytest.fixture
def world(private_dir) -> Iterator[World]:
    """Return a daemon that is connected to a keeper without processes."""
    world = World(private_dir)
    yield world
    world.close()
