"""Fixtures of the runj command."""

from collections.abc import Iterator

import pytest

from tests.container.jails import Jails
from tests.functional.runj.command import Runj


@pytest.fixture(params=["plain", pytest.param("linux", marks=pytest.mark.root)])
def runj(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Runj]:
    """Return the command with each runtime."""
    jails = Jails(private_dir, request.param)
    yield Runj(jails)
    jails.finish()


@pytest.fixture
def linux(private_dir: str) -> Iterator[Runj]:
    """Return the command with namespaces, for what is about them; its tests are marked root."""
    jails = Jails(private_dir, "linux")
    yield Runj(jails)
    jails.finish()


@pytest.fixture
def plain(private_dir: str) -> Iterator[Runj]:
    """Return the command without isolation, for what does not depend on it."""
    jails = Jails(private_dir, "plain")
    yield Runj(jails)
    jails.finish()
