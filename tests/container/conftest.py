"""Fixtures of the container room."""

from collections.abc import Iterator

import pytest

from tests.container.jails import Jails


@pytest.fixture(params=["plain", pytest.param("linux", marks=pytest.mark.root)])
def jails(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Jails]:
    """Return containers of each runtime."""
    made = Jails(private_dir, request.param)
    yield made
    made.finish()


@pytest.fixture
def plain(private_dir: str) -> Iterator[Jails]:
    """Return containers without isolation, for what does not depend on it."""
    made = Jails(private_dir, "plain")
    yield made
    made.finish()
