"""Fixtures with a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.person import Person


@pytest.fixture
def person() -> Iterator[Person]:
    """Return someone at a terminal of his own."""
    made = Person()
    yield made
    made.leave()
