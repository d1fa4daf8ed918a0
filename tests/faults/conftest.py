"""A real daemon and a real keeper, to be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon
from tests.functional.isolated import Isolated


@pytest.fixture(params=["plain", pytest.param("linux", marks=pytest.mark.root)])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """Return a daemon for one test, with the runtime plain or linux."""
    made = Daemon() if request.param == "plain" else Isolated()
    try:
        made.start()
        yield made
    finally:
        made.remove()
