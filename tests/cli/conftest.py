"""Fixtures of the command line programs: a scripted daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cli.scripted import Peer, Scripted


@pytest.fixture
def scripted(private_dir: str) -> Iterator[Callable[..., Scripted]]:
    """Return what starts the scripted daemon; its failures fail the test."""
    started: list[Scripted] = []

    def start(*scripts: Callable[[Peer], None]) -> Scripted:
        started.append(Scripted(private_dir, *scripts))
        return started[-1]

    yield start

    for each in started:
        each.finish()
