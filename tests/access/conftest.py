"""A listener for TLS for each test."""

from __future__ import annotations

import pytest_twisted

from tests.access.listening import Listener
from tests.access.papers import authority


@pytest_twisted.async_yield_fixture
async def listener(tmp_path):
    """Return a listener."""
    made = Listener(authority(tmp_path / "tls"))
    yield made
    await made.close()
