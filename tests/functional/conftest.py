"""Fixtures with a real daemon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """Return a daemon for all tests of a module; each uses jails of names of its own."""
    made = Daemon()
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def own_daemon() -> Iterator[Daemon]:
    """Return a daemon for one test, which may kill it."""
    made = Daemon()
    try:
        made.start()
        yield made
    finally:
        made.remove()
