"""
What a benchmark finds: figures, each of one contender, and how ours stand beside the others'.

Nothing here measures.  Of two figures the better one is the smaller one, but of rates; a ratio says
what ours cost, as a multiple of the other's, so below 1 ours are ahead in both cases.
"""

import statistics
from collections.abc import Iterable, Sequence

from runjd.values import Value

OURS, PEER, FLOOR = "ours", "peer", "floor"


class Budget(Value):
    """What a figure of ours shall not be worse than: so much or, with ``of``, so many times what that peer needs."""

    limit: float
    of: str = ""


class Figure(Value):
    """
    What was measured of one contender.

    :param what: is measured, in the same words for all contenders.
    :param who: the contender.
    :param samples: at least one, in ``unit``.
    :param size: how many there were of what grows: jails, mostly; 0 where nothing grows.
    :param role: OURS, PEER, or FLOOR: below which nobody can get in this language, or on this kernel.
    :param is_rate: more is better.
    :param is_each: it is the cost of one of them, not of all.
    """

    what: str
    who: str
    unit: str
    samples: tuple[float, ...]
    size: int = 0
    role: str = OURS
    is_rate: bool = False
    is_each: bool = False
    budget: Budget | None = None

    @property
    def is_floor(self) -> bool:
        """Whether nobody can be better."""
        return self.role == FLOOR

    @property
    def median(self) -> float:
        """The sample in the middle."""
        return statistics.median(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles; of less than four samples the least and the greatest."""
        if len(self.samples) < 4:
            return min(self.samples), max(self.samples)
        low, _, high = statistics.quantiles(self.samples, n=4)
        return low, high

    def cost_to(self, other: "Figure") -> float | None:
        """Return what it costs as a multiple of the other; None where that is nothing."""
        own, others = (self.median, other.median) if not self.is_rate else (other.median, self.median)
        return own / others if others > 0 and own >= 0 else None


class Standing(Value):
    """
    How one figure stands among those of the same thing and size.

    :param to_floor: what it costs as a multiple of the best floor.
    :param to_other: what ours cost as a multiple of the other's: of a peer's figure our best, of ours the best peer's.
    :param other: who that is.
    :param is_over: whether its budget is not kept; None where it has none, or the peer is missing.
    :param words: for people.
    """

    to_floor: float | None
    to_other: float | None
    other: str
    is_over: bool | None
    words: str


def standing(figure: Figure, among: Iterable[Figure]) -> Standing:
    """Return how a figure stands among all that were found."""
    rivals = [each for each in among if (each.what, each.size, each.unit) == (figure.what, figure.size, figure.unit)]
    floor = _best(each for each in rivals if each.is_floor)
    to_floor = figure.cost_to(floor) if floor is not None and not figure.is_floor else None
    if figure.is_floor:
        return Standing(None, None, "", None, "floor")
    other = _best(each for each in rivals if each.role == (PEER if figure.role == OURS else OURS))
    if figure.role == PEER:
        to_other = other.cost_to(figure) if other is not None else None
        return Standing(to_floor, to_other, other.who if other else "", None, _beside(to_other, "ours is "))
    to_other = figure.cost_to(other) if other is not None else None
    words = [_beside(to_other, "") + (f" {other.who}" if other and to_other else "")]
    is_over, said = _budget(figure, rivals)
    words += [said] if said else []
    return Standing(to_floor, to_other, other.who if other else "", is_over, ", ".join(filter(None, words)) or "alone")


def number(value: float) -> str:
    """Return a number with as many digits as are of interest."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 or value == 0 else f"{value:.{1 if size >= 10 else 2 if size >= 0.1 else 3}f}"


def in_order(found: Sequence[Figure]) -> list[Figure]:
    """Return the figures by what and size, and each of these with ours first, then the peers, then the floors."""
    what = list(dict.fromkeys(each.what for each in found))
    roles = (OURS, PEER, FLOOR)
    return sorted(found, key=lambda each: (what.index(each.what), each.size, roles.index(each.role)))


def _best(found: Iterable[Figure]) -> Figure | None:
    return min(found, key=lambda each: -each.median if each.is_rate else each.median, default=None)


def _beside(ratio: float | None, of_whom: str) -> str:
    if ratio is None:
        return ""
    return f"{of_whom}ahead" + ("" if of_whom else " of") if ratio <= 1 else f"{of_whom}behind"


def _budget(figure: Figure, rivals: Sequence[Figure]) -> tuple[bool | None, str]:
    """Return whether the budget is not kept, and that in words."""
    if figure.budget is None:
        return None, ""
    limit, of = figure.budget
    if of:
        peer = next((each for each in rivals if each.who == of), None)
        if peer is None:
            return None, f"budget: {of}'s, which is missing"
        used = (figure.cost_to(peer) or 0) / limit
        name = of if limit == 1 else f"{number(limit)} times {of}"
    else:
        used = limit / figure.median if figure.is_rate else figure.median / limit
        name = f"{number(limit)} {figure.unit}"
    if used <= 1:
        return False, f"within the budget ({name})"
    return True, f"over the budget ({name}) by {100 * (used - 1):.0f} %"
