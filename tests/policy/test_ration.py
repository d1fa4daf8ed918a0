"""Tests for :mod:`runjd.policy.ration`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.ration import Ration


def test_what_was_refused_is_told_with_the_next():
    """So many at once; then each has its time, and tells how many were refused before it."""
    ration = Ration(burst=2, rate=0.5)

    assert [ration.take("a", 10.0) for _ in range(5)] == [0, 0, None, None, None]
    assert ration.take("b", 10.0) == 0
    assert ration.take("a", 11.0) is None
    assert ration.take("a", 12.0) == 4
    assert ration.take("a", 100.0) == 0


def test_the_rest_is_told_once():
    """Whoever asks for it tells it."""
    ration = Ration(burst=1, rate=0.1)
    for _ in range(3):
        ration.take("a", 0.0)

    assert ration.take_refused() == {"a": 2}
    assert ration.take_refused() == {}
    assert ration.take("a", 60.0) == 0


def test_thousands_of_names_share():
    """The memory for names is bounded, and what is refused is counted for all of them."""
    ration = Ration(burst=1, rate=0.001)
    for number in range(1000):
        ration.take(str(number), 0.0)

    assert [ration.take(f"x{number}", 0.0) for number in range(3)] == [0, None, None]
    assert ration.take_refused() == {"": 2}
    assert ration.take("y", 2000.0) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=100))
def test_nothing_is_lost_and_nothing_exceeds_the_rate(asked):
    """Those that are taken and those that are told as refused are all there were, and no name has more than it may."""
    ration, now = Ration(burst=3, rate=0.5), 0.0
    taken = dict.fromkeys("abc", 0)
    told = 0
    for name, pause in asked:
        now += pause
        refused = ration.take(name, now)
        if refused is not None:
            taken[name] += 1
            told += refused
    told += sum(ration.take_refused().values())

    assert sum(taken.values()) + told == len(asked)
    assert all(count <= 3 + 0.5 * now + 0.001 for count in taken.values())
