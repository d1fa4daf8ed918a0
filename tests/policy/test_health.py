"""What the answers of a probe make of a jail's health."""

import pytest

from runjd.policy.health import Health, action, first_delay, judge, next_delay
from runjd.policy.settings import HealthRule, Probe

RULE = HealthRule(Probe("tcp", port=80), start_period=10.0, failures=3, successes=2, action="restart")


def verdicts(answers, ages=None, rule=RULE):
    """Return the verdict after each answer."""
    health, found = Health(), []
    for index, answer in enumerate(answers):
        health = judge(rule, health, answer, 100.0 if ages is None else ages[index])
        found.append(health.verdict)
    return found


def test_the_first_yes_makes_a_jail_healthy():
    """A jail that starts is healthy as soon as it says so once."""
    assert verdicts([False, True]) == ["starting", "healthy"]


def test_so_many_times_no_in_a_row_make_it_unhealthy():
    """Three times no in a row count, and a yes in between begins the count anew."""
    assert verdicts([True, False, False, True, False, False, False])[-3:] == ["healthy", "healthy", "unhealthy"]


def test_so_many_times_yes_in_a_row_make_it_healthy_again():
    """One yes of an unhealthy jail is luck, where two are asked for."""
    assert verdicts([False, False, False, True, False, True, True])[2:] == ["unhealthy"] * 4 + ["healthy"]


def test_a_no_within_the_start_period_does_not_count():
    """A jail that needs its time to start is not blamed for it, and is blamed behind it."""
    assert verdicts([False] * 6, [1, 2, 3, 11, 12, 13]) == ["starting"] * 5 + ["unhealthy"]


def test_the_first_yes_ends_the_start_period():
    """What said yes once is up: from then on a no counts."""
    assert verdicts([True, False, False, False], [1, 2, 3, 4])[-1] == "unhealthy"


@pytest.mark.parametrize(
    ("before", "after", "does"),
    [
        ("healthy", "unhealthy", "restart"),
        ("starting", "unhealthy", "restart"),
        ("unhealthy", "unhealthy", "none"),
        ("unhealthy", "healthy", "none"),
        ("starting", "healthy", "none"),
    ],
)
def test_the_action_is_taken_once_as_it_becomes_unhealthy(before, after, does):
    """Not at each no that follows."""
    assert action(RULE, Health(before), Health(after)) == does


def test_probes_are_spread_over_the_interval_and_do_not_pile_up():
    """The first is anywhere within the interval; a slow one delays the next, which never begins before its end."""
    assert [first_delay(30.0, chance) for chance in (0.0, 0.5, 1.0)] == [0.0, 15.0, 30.0]
    assert [next_delay(30.0, took) for took in (0.0, 29.0, 31.0)] == [30.0, 1.0, 0.0]
