"""Fixtures of the attacks."""

from collections.abc import Iterator

import pytest

from tests.security.hostile import Hostile


@pytest.fixture
def hostile(private_dir: str) -> Iterator[Hostile]:
    """Return containers whose programs are hostile."""
    made = Hostile(private_dir)
    yield made
    made.finish()
