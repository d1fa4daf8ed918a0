"""
How a cost grows with the number of jails: the power of the size that it goes with.

Between the smallest and the largest size of at least three, the exponent of a power law: 0 is a
cost that does not grow, 1 one that grows as the number does, 2 one that grows as its square.  Of
what is told for each one, and of rates, all of them together are meant: one more.

What costs a little always and something for each looks flat between the ends, so the last step
counts, too, where it is steeper than the spread of the samples explains.
"""

import math
from collections.abc import Sequence

from benchmarks.figure import OURS, Figure, number
from runjd.values import Value

#: above that it is not linear, whatever the noise
_LINEAR = 1.15


class Growth(Value):
    """
    What a thing costs one contender, by size.

    :param at: the medians.
    :param exponent: between the ends; None where one end is nothing.
    :param last: that of the last step.
    :param is_linear: whether it grows at most as the size does.
    """

    what: str
    who: str
    unit: str
    at: tuple[tuple[int, float], ...]
    exponent: float | None
    last: float | None
    is_linear: bool

    @property
    def steps(self) -> str:
        """What it costs at each size, for people."""
        return ", ".join(f"{size:,}: {number(value)}" for size, value in self.at) + f" {self.unit}"

    @property
    def verdict(self) -> str:
        """How it grows, for people."""
        power = "" if self.exponent is None else f"all of it as n^{self.exponent:.2f}"
        power += "" if self.last is None or self.last <= _LINEAR else f", in the last step n^{self.last:.2f}"
        said = "linear or better" if self.is_linear else "WORSE THAN LINEAR"
        return f"{power}: {said}" if power else said

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
            made.append(_growth(same))
    return made


def _growth(same: Sequence[Figure]) -> Growth:
    first, before, largest = same[0], same[-2], same[-1]
    ends = _exponent(largest, first.size, first.median, largest.median)
    last = _exponent(largest, before.size, before.median, largest.median)
    # the flattest that the samples allow
    near, far = (0, 1) if largest.is_rate else (1, 0)
    surely = _exponent(largest, before.size, before.spread[near], largest.spread[far])
    is_linear = all(each is None or each <= _LINEAR for each in (ends, surely))
    at = tuple((each.size, each.median) for each in same)
    return Growth(first.what, first.who, first.unit, at, ends, last, is_linear)


def _exponent(largest: Figure, size: int, early: float, late: float) -> float | None:
    if early <= 0 or late <= 0:
        return None
    power = math.log(late / early) / math.log(largest.size / size)
    return 1 - power if largest.is_rate else power + largest.is_each
