"""Jails that are only talked about, and what is told of them."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from runjd.policy.facts import Definition
from runjd.supervise.memory import MemoryController
from runjd.supervise.pulse import Lag
from runjd.web.exits import ExitCounts
from runjd.web.exposition import Exposition


def at_once(call, *words) -> Deferred:
    """Call it here, as if on a thread."""
    return maybeDeferred(call, *words)


class Bench:
    """
    Metrics of jails in memory; one, named web, runs.

    :ivar in_thread: how what blocks is called.
    """

    def __init__(self) -> None:
        self.in_thread = at_once
        self.jails = MemoryController(Clock(), lambda: 1000.0)
        self.lag = Lag()
        self.exposition = Exposition(
            self.jails,
            ExitCounts(self.jails.events),
            lambda: self.lag,
            lambda: 2,
            {"logs": lambda: 3},
            lambda call, *words: self.in_thread(call, *words),
        )
        self.run("web")

    def run(self, jail: str) -> None:
        """Let a jail run."""
        self.jails.run(Definition(jail, f"/bundles/{jail}", "memory", stdin=True), "uid:0")

    def metrics(self) -> Deferred:
        """Return the text, as IDiagnosis."""
        return self.exposition.text()

    def lines(self, begin: str = "") -> list[str]:
        """Return the lines that begin so."""
        found: list[bytes] = []
        self.metrics().addCallback(found.append)
        return [line for line in found[0].decode().splitlines() if line.startswith(begin)]


@pytest.fixture
def bench() -> Bench:
    """Return metrics of jails in memory."""
    return Bench()
