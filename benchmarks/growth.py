"""
How a cost grows with the number of jails: the power of the size that it goes with.

Between the smallest and the largest size of at least three, the exponent of a power law: 0 is a
cost that does not grow, 1 one that grows as the number does, 2 one that grows as its square.  Of
what is told for each one, and of rates, all of them together are meant: one more.
"""

import math
from collections.abc import Sequence

from benchmarks.figure import OURS, Figure, number
from runjd.values import Value

#: above that it is not linear, whatever the noise
_LINEAR = 1.15


class Growth(Value):
    """What a thing costs one contender, by size; and the exponent between the ends, None where one end is nothing."""

    what: str
    who: str
    unit: str
    at: tuple[tuple[int, float], ...]
    exponent: float | None

    @property
    def is_linear(self) -> bool:
        """Whether it grows at most as the size does."""
        return self.exponent is None or self.exponent <= _LINEAR

    @property
    def steps(self) -> str:
        """What it costs at each size, for people."""
        return ", ".join(f"{size:,}: {number(value)}" for size, value in self.at) + f" {self.unit}"

    @property
    def verdict(self) -> str:
        """How it grows, for people."""
        power = "" if self.exponent is None else f"all of it as n^{self.exponent:.2f}: "
        return power + ("linear or better" if self.is_linear else "WORSE THAN LINEAR")

    @property
    def words(self) -> str:
        """Both."""
        return f"{self.steps}; {self.verdict}"


def growths(found: Sequence[Figure], least: int = 3) -> list[Growth]:
    """Return how ours grow, of each thing that was measured at three sizes or more."""
    made = []
    for what, who, unit in dict.fromkeys((each.what, each.who, each.unit) for each in found if each.role == OURS):
        same = [each for each in found if (each.what, each.who, each.unit) == (what, who, unit) and each.size]
        same.sort(key=lambda each: each.size)
        if len({each.size for each in same}) >= least:
            at = tuple((each.size, each.median) for each in same)
            made.append(Growth(what, who, unit, at, _exponent(at, same[0])))
    return made


def _exponent(at: Sequence[tuple[int, float]], kind: Figure) -> float | None:
    (small, first), (large, last) = at[0], at[-1]
    if first <= 0 or last <= 0:
        return None
    power = math.log(last / first) / math.log(large / small)
    if kind.is_rate:
        return 1 - power
    return power + kind.is_each
