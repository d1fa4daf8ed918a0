"""
A benchmark as a program: it takes how thoroughly to measure, prints its table, and keeps the figures.

Each is a module that can be run alone, ``python -m benchmarks.start --quick``, and that
:mod:`benchmarks.all` runs as a process of its own, so that what one leaves in memory,
threads and mounts is not measured by the next one.
"""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks import growth, host, peers, results, table
from benchmarks.figure import Figure
from benchmarks.installation import Installation, install
from runjd.values import Value


class Plan(Value):
    """
    How thoroughly to measure.

    :param rounds: of what takes some milliseconds; of what takes seconds a part of it.
    :param sizes: numbers of jails that costs are measured at, of which there are at least three.
    :param seconds: of what is watched for a while.
    :param lines: of 100 bytes that are logged each time.
    :param prefix: of an installation that is there already, or nothing.
    """

    rounds: int = 40
    sizes: tuple[int, ...] = (1, 10, 100, 1000, 2000)
    seconds: float = 10.0
    lines: int = 2_000_000
    prefix: str = ""

    @property
    def few(self) -> int:
        """Rounds of what takes long."""
        return max(1, self.rounds // 5)

    @property
    def is_quick(self) -> bool:
        """Whether it is enough to see that all can be measured: growth needs three sizes."""
        return len(self.sizes) < 3

    def shares(self, *parts: int) -> list[int]:
        """Return such shares of the most jails, from the smallest on; when it is quick, the largest only."""
        found = sorted({max(1, max(self.sizes) // part) for part in parts})
        return found[-1:] if self.is_quick else found

    def at_shares(self, at: Callable[[Installation, str, int, int], list[Figure]], *parts: int) -> list[Figure]:
        """Return what is found at such shares, of one installation, each in a directory of its own, in a few rounds."""
        found: list[Figure] = []
        with host.work_directory() as prefix:
            installed = self.installed(prefix)
            for size in self.shares(*parts):
                with host.work_directory() as directory:
                    found += at(installed, directory, size, self.few)
        return found

    def installed(self, directory: str) -> Installation:
        """Return what is measured; it is installed into a directory, unless it is there already."""
        return Installation(self.prefix) if self.prefix else install(f"{directory}/prefix")


FULL = Plan()
QUICK = Plan(rounds=3, sizes=(1, 10), seconds=1.0, lines=50_000)


def run(measure: Callable[[Plan], Iterable[Figure]], purpose: str | None) -> None:
    """
    Be the program of a benchmark.

    :param purpose: the first line of it is shown by ``--help``.
    """
    plan, json = _given((purpose or "").strip().partition("\n")[0])
    host.require_root()
    host.open_many_files()
    host.clean_up_when_told_to_end()
    before = host.facts()
    found = tuple(measure(plan))
    print(table.text(found))
    for each in growth.growths(found):
        print(f"{each.what}, {each.who}: {each.words}")
    if json:
        results.write(json, results.Results(before, peers.versions(), found, {}))


def _given(purpose: str) -> tuple[Plan, str]:
    options = argparse.ArgumentParser(description=purpose)
    options.add_argument("--quick", action="store_true", help="measure less, and less exactly")
    options.add_argument("--rounds", type=int, help="how often a short thing is done")
    options.add_argument("--sizes", help="numbers of jails, with commas between them")
    options.add_argument("--seconds", type=float, help="how long something is watched")
    options.add_argument("--lines", type=int, help="how many lines of 100 bytes are logged each time")
    options.add_argument("--prefix", help="an installation that is there already")
    options.add_argument("--json", metavar="FILE", default="", help="write the figures there")
    given = options.parse_args()
    plan = QUICK if given.quick else FULL
    named = ("rounds", "seconds", "lines", "prefix")
    changes: dict[str, Any] = {name: getattr(given, name) for name in named if getattr(given, name)}
    if given.sizes:
        changes["sizes"] = tuple(sorted(int(each) for each in given.sizes.split(",")))
    return plan._replace(**changes), given.json
