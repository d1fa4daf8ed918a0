"""Fixtures of the container room."""

from collections.abc import Iterator

import pytest

from runjd.runtime.choose import RUNTIMES
from runjd.runtime.plain import PlainRuntime
from tests.container.jails import Jails


@pytest.fixture(params=["plain", pytest.param("linux", marks=pytest.mark.root)])
def jails(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Jails]:
    """Return containers of each runtime."""
    made = Jails(private_dir, request.param)
    yield made
    made.finish()


@pytest.fixture(params=["plain", pytest.param("linux", marks=pytest.mark.root)])
def sessions(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Jails]:
    """Return containers without control groups, which would tell whose a process is whatever the record says."""
    made = Jails(private_dir, request.param, RUNTIMES | {"plain": lambda: PlainRuntime(gathers=False)})
    yield made
    made.finish()


@pytest.fixture
def plain(private_dir: str) -> Iterator[Jails]:
    """Return containers without isolation, for what does not depend on it."""
    made = Jails(private_dir, "plain")
    yield made
    made.finish()
