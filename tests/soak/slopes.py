"""Whether what is measured again and again grows: the slope of a line through it, and how sure that is."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from runjd.values import Value

_BLOCKS = 12


class Slope(Value):
    """
    A line by least squares.

    :ivar slope: by the hour.
    :ivar error: its standard error.
    :ivar grown: by the line, from the first to the last sample.
    """

    slope: float
    error: float
    grown: float
    mean: float

    @property
    def is_zero(self) -> bool:
        """Whether it is zero within the noise: of one that is, 1 in 1,000 is not found so."""
        return self.slope <= 4.5 * self.error


def slope_of(samples: Sequence[tuple[float, float]]) -> Slope:
    """
    Return the slope of samples: seconds, and what was measured.

    Samples that follow one another are alike, which would make the error look small; so means of blocks count.
    """
    size = max(1, len(samples) // _BLOCKS)
    blocks = [samples[at : at + size] for at in range(0, len(samples) - size + 1, size)]
    times = [sum(each[0] for each in block) / len(block) for block in blocks]
    values = [sum(each[1] for each in block) / len(block) for block in blocks]
    count = len(blocks)
    if count < 4:
        raise ValueError(f"{len(samples)} samples are too few for a slope")
    mean_time, mean = sum(times) / count, sum(values) / count
    spread = sum((each - mean_time) ** 2 for each in times)
    slope = sum((at - mean_time) * (value - mean) for at, value in zip(times, values, strict=True)) / spread
    rest = sum((value - mean - slope * (at - mean_time)) ** 2 for at, value in zip(times, values, strict=True))
    error = math.sqrt(rest / (count - 2) / spread)
    return Slope(slope * 3600, error * 3600, slope * (samples[-1][0] - samples[0][0]), mean)


def memory(pid: int) -> int:
    """Return the bytes of memory of a process: what it has alone, and its part of what it shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("Pss:"))


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
