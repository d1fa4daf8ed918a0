"""How costs grow."""

import pytest

from benchmarks.figure import PEER, Figure
from benchmarks.growth import growths


def found(cost, **more):
    """Return figures of three sizes."""
    return [Figure("list", "runjd", "ms", (float(cost(size)),), size, **more) for size in (10, 100, 1000)]


@pytest.mark.parametrize(
    ("figures", "exponent", "is_linear"),
    [
        (found(lambda _: 5), 0.0, True),
        (found(lambda size: 3 * size), 1.0, True),
        (found(lambda size: size * size), 2.0, False),
        (found(lambda _: 8, is_each=True), 1.0, True),
        (found(lambda size: size, is_each=True), 2.0, False),
        (found(lambda _: 100, is_rate=True), 1.0, True),
        (found(lambda size: 1000 / size, is_rate=True), 2.0, False),
    ],
)
def test_the_power_of_the_size_is_found(figures, exponent, is_linear):
    """Of what each one costs, and of rates, the cost of all is meant."""
    [growth] = growths(figures)

    assert growth.exponent == pytest.approx(exponent)
    assert growth.is_linear is is_linear
    assert ("WORSE" in growth.words) is not is_linear


def test_two_sizes_or_a_peer_are_not_a_growth_of_ours():
    """A line goes through any two points."""
    assert growths(found(float)[:2]) == []
    assert growths(found(float, role=PEER)) == []


def test_nothing_has_no_power():
    """What costs nothing at one end is not said to grow."""
    [growth] = growths(found(lambda size: size - 10))

    assert (growth.exponent, growth.is_linear) == (None, True)


@pytest.mark.parametrize(
    ("last", "is_linear"),
    [
        ((60.0, 60.0, 60.0, 60.0), False),
        ((12.0, 15.0, 60.0, 90.0), True),
    ],
)
def test_a_steep_last_step_counts_unless_the_samples_explain_it(last, is_linear):
    """What costs something always looks flat between the ends."""
    figures = [Figure("list", "runjd", "ms", (10.0, 10.0, 10.0, 10.0), size) for size in (1, 10)]
    [growth] = growths([*figures, Figure("list", "runjd", "ms", last, 20)])

    assert growth.exponent is not None
    assert growth.exponent < 1
    assert growth.is_linear is is_linear
    assert "in the last step n^" in growth.verdict
