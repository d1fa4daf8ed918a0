"""Properties of :mod:`runjd.policy.health`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.health import Health, action, judge
from runjd.policy.settings import HealthRule, Probe

rules = st.builds(
    HealthRule,
    probe=st.just(Probe("tcp")),
    start_period=st.floats(0, 100),
    failures=st.integers(1, 5),
    successes=st.integers(1, 5),
    action=st.sampled_from(["none", "restart", "stop", "kill"]),
)
answers = st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=40)


@given(rules, answers)
def test_the_verdict_changes_only_for_a_row_of_answers(rule: HealthRule, given_: list[tuple[bool, float]]) -> None:
    """It turns bad behind ``failures`` times no in a row, good behind ``successes`` times yes; acts once each time."""
    health, age, said = Health(), 0.0, []
    for answer, step in given_:
        age += step
        said.append(answer)
        before, health = health, judge(rule, health, answer, age)
        if health.verdict == "unhealthy" != before.verdict:
            assert not any(said[-rule.failures :])
            assert len(said) >= rule.failures
            assert action(rule, before, health) == rule.action
        else:
            assert action(rule, before, health) == "none"
        if before.verdict == "unhealthy" != health.verdict:
            assert all(said[-rule.successes :])
        if health.verdict == "starting":
            assert not any(said)
        assert not (health.yes and health.no)


@given(rules, st.integers(0, 20))
def test_enough_times_no_is_always_unhealthy(rule: HealthRule, more: int) -> None:
    """Behind the start period no history keeps a jail from it."""
    health = Health()
    for _ in range(rule.failures + more):
        health = judge(rule, health, False, rule.start_period)
    assert health.verdict == "unhealthy"
