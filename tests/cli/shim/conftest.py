"""The shim, in directories of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.shim.program import Shim


@pytest.fixture
def shim(private_dir: str) -> Iterator[Shim]:
    """Return the shim; what it starts is ended."""
    made = Shim(private_dir)
    yield made
    made.close()
