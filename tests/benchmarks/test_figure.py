"""What a figure says of itself, and beside others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figure import FLOOR, PEER, Budget, Figure, in_order, number, standing

OURS = Figure("start", "runjd", "ms", (20.0, 30.0, 10.0))
CRUN = Figure("start", "crun", "ms", (10.0,), role=PEER)
RUNC = Figure("start", "runc", "ms", (40.0,), role=PEER)
BARE = Figure("start", "fork and exec", "ms", (5.0,), role=FLOOR)
ALL = (OURS, CRUN, RUNC, BARE)


def test_median_and_spread_are_those_of_the_samples():
    """Of a few samples the spread is from the least to the greatest, of many between the quartiles."""
    many = Figure("start", "runjd", "ms", tuple(float(each) for each in range(1, 100)))

    assert (OURS.median, OURS.spread) == (20.0, (10.0, 30.0))
    assert (many.median, many.spread) == (50.0, (25.0, 75.0))


def test_ours_stand_beside_the_best_peer_and_the_floor():
    """A slow peer does not make us fast."""
    stands = standing(OURS, ALL)

    assert (stands.to_floor, stands.to_other, stands.other) == (4.0, 2.0, "crun")
    assert stands.words == "behind crun"


@pytest.mark.parametrize(("peer", "words"), [(CRUN, "ours is behind"), (RUNC, "ours is ahead")])
def test_a_peer_is_told_how_ours_stands(peer, words):
    """Each row says who is ahead."""
    assert standing(peer, ALL).words == words


def test_of_a_rate_more_is_better():
    """A ratio says what ours costs, and a cost is the inverse of a rate."""
    ours, theirs = (Figure("log", who, "MB/s", (rate,), is_rate=True) for who, rate in (("runjd", 400.0), ("x", 100.0)))

    stands = standing(ours, (ours, theirs._replace(role=PEER)))

    assert (stands.to_other, stands.words) == (0.25, "ahead of x")


def test_figures_of_other_sizes_and_things_are_not_compared():
    """Only what is the same is a rival."""
    assert standing(OURS, (OURS, CRUN._replace(size=10), RUNC._replace(what="end"))).words == "alone"


@pytest.mark.parametrize(
    ("budget", "is_over", "words"),
    [
        (Budget(25.0), False, "behind crun, within the budget (25.0 ms)"),
        (Budget(8.0), True, "behind crun, over the budget (8.00 ms) by 150 %"),
        (Budget(1.0, "runc"), False, "behind crun, within the budget (runc)"),
        (Budget(1.0, "crun"), True, "behind crun, over the budget (crun) by 100 %"),
        (Budget(1.0, "youki"), None, "behind crun, budget: youki's, which is missing"),
    ],
)
def test_a_budget_is_kept_or_not(budget, is_over, words):
    """It is an amount, or a multiple of a peer's, which may be missing."""
    stands = standing(OURS._replace(budget=budget), ALL)

    assert (stands.is_over, stands.words) == (is_over, words)


def test_nothing_is_compared_with_nothing():
    """Who costs nothing at all is no measure."""
    assert standing(OURS, (OURS, CRUN._replace(samples=(0.0,)))).to_other is None


def test_ours_come_before_peers_and_floors_and_small_sizes_before_large_ones():
    """What was found first is shown first."""
    small = OURS._replace(what="idle", size=1)
    large = OURS._replace(what="idle", size=10)

    assert in_order([large, BARE, CRUN, OURS, small]) == [small, large, OURS, CRUN, BARE]


@given(st.floats(min_value=0, max_value=1e9))
def test_a_number_is_short_and_right(value):
    """Three digits or more, but no more behind the point than are of interest."""
    assert float(number(value)) == pytest.approx(value, rel=0.06, abs=0.0006)
    assert len(number(value)) <= 10
