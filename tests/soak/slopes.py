"""Whether what is measured again and again grows: the slope of a line through it, and how sure that is."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from runjd.values import Value

_BLOCKS = 12
#: standard errors above zero at which a slope is one: of a thousand that are zero one is found so, noise that
#: follows itself included
_SURE = 4.5
#: standard errors within which a slope is: 39 of 40 are not above that
_NEAR = 2.0


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


class Bound(Value):
    """
    What a slope is held against, for each deed.

    :ivar least: what is less is nothing, however sure it is.
    :ivar most: what a slope has to be surely less than to be zero; who measures too short is not told that it is.
    """

    least: float
    most: float


#: A reference in a list and its number take 36 bytes: whatever is kept of each deed takes more than ``least``.  As
#: measured, a daemon takes 230 bytes for an event, 300 for an end, 2.9 KiB for a connection and 11 KiB for a jail: less
#: than ``most`` means that not one deed in three leaves a connection behind, and not one in eleven a jail.  After 1000
#: seconds, half of them measured, the standard error is 160, so that zero is found to be zero, and 720 to be growth;
#: what is smaller takes a longer run, as the error falls with the time to the power of 1.5.
MEMORY = Bound(32, 1024)
#: one descriptor in a thousand deeds, and in a hundred
DESCRIPTORS = Bound(0.001, 0.01)


class Judgement(Value):
    """
    What a slope means.

    :ivar by_deed, error: the slope and its standard error, for each deed.
    :ivar verdict: ``zero``, ``grows``, or ``unknown`` where it was measured too short to tell.
    """

    by_deed: float
    error: float
    verdict: str


def judge(slope: Slope, deeds: float, bound: Bound) -> Judgement:
    """
    Return what a slope means.

    :param deeds: by the hour.
    """
    by_deed, error = slope.slope / deeds, slope.error / deeds
    if by_deed > max(bound.least, _SURE * error):
        return Judgement(by_deed, error, "grows")
    return Judgement(by_deed, error, "zero" if by_deed + _NEAR * error < bound.most else "unknown")


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
    """Return the bytes of memory of a process; of files that it has mapped, only what it changed of them."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("Anonymous:"))


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
