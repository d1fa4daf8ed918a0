"""
A benchmark as a program: it takes how thoroughly to measure, prints its table, and keeps the figures.

Each is a module that can be run alone, ``python -m benchmarks.start --quick``, and that
:mod:`benchmarks.all` runs as a process of its own, so that what one leaves in memory,
threads and mounts is not measured by the next one.
"""

import argparse
from collections.abc import Callable, Iterable

from benchmarks import growth, host, peers, results, table
from benchmarks.figure import Figure
from runjd.values import Value


class Plan(Value):
    """
    How thoroughly to measure.

    :param rounds: of what takes some milliseconds; of what takes seconds a part of it.
    :param sizes: numbers of jails that costs are measured at, of which there are at least three.
    :param seconds: of what is watched for a while.
    :param lines: of 100 bytes that are logged each time.
    """

    rounds: int = 40
    sizes: tuple[int, ...] = (1, 10, 100, 1000, 2000)
    seconds: float = 20.0
    lines: int = 2_000_000

    @property
    def few(self) -> int:
        """Rounds of what takes long."""
        return max(1, self.rounds // 5)

    @property
    def many(self) -> int:
        """How many jails are many: half of the most."""
        return max(self.sizes) // 2 if max(self.sizes) > 1 else 1


FULL = Plan()
QUICK = Plan(rounds=5, sizes=(1, 10, 40), seconds=1.5, lines=100_000)


def run(measure: Callable[[Plan], Iterable[Figure]], purpose: str | None) -> None:
    """
    Be the program of a benchmark.

    :param purpose: the first line of it is shown by ``--help``.
    """
    plan, json = _given((purpose or "").strip().partition("\n")[0])
    host.require_root()
    host.open_many_files()
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
    options.add_argument("--json", metavar="FILE", default="", help="write the figures there")
    given = options.parse_args()
    plan = QUICK if given.quick else FULL
    changes = {name: getattr(given, name) for name in ("rounds", "seconds", "lines") if getattr(given, name)}
    if given.sizes:
        changes["sizes"] = tuple(sorted(int(each) for each in given.sizes.split(",")))
    return plan._replace(**changes), given.json
