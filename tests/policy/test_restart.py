"""What becomes of a jail that is down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.backoff import Tallies
from runjd.policy.facts import ExitRecord
from runjd.policy.restart import Run, is_failure, judge
from runjd.policy.settings import RESTARTS, BackoffRule, RestartRule, Settings

OK = ExitRecord(7, 0, None, 1.0)
BAD = ExitRecord(7, 3, None, 1.0)
KILLED = ExitRecord(7, None, 15, 1.0)
UNSEEN = ExitRecord(7, None, None, 1.0)
EXITS = st.sampled_from([OK, BAD, KILLED, UNSEEN, None])


def rules(kind: str, **backoff) -> Settings:
    """Return settings of that kind of restart."""
    return Settings(restart=RestartRule(kind), backoff=BackoffRule(**backoff))


@pytest.mark.parametrize(
    ("kind", "after_success", "after_failure"),
    [
        ("never", "idle", "idle"),
        ("on-failure", "idle", "backoff"),
        ("always", "backoff", "backoff"),
        ("unless-stopped", "backoff", "backoff"),
    ],
)
def test_each_kind_by_itself(kind, after_success, after_failure):
    """The table of the documentation."""
    found = [judge(rules(kind), Tallies(), Run(exit), "up", 0.0, 0.0).phase for exit in (OK, BAD, KILLED, UNSEEN)]

    assert found == [after_success, after_failure, after_failure, after_failure]


@pytest.mark.parametrize("kind", RESTARTS)
def test_what_is_not_wanted_up_stays_down(kind):
    """Neither a stop nor a start for once is answered by a start."""
    for want in ("down", "once"):
        assert judge(rules(kind), Tallies(), Run(BAD), want, 0.0, 0.0).phase == "idle"
        verdict = judge(rules(kind), Tallies(), Run(None, 0.0, "no such file"), want, 0.0, 0.0)
        assert (verdict.phase, verdict.reason, verdict.tallies.next_at) == ("failed", "no such file", None)


def test_statuses_and_signals_that_are_a_success():
    """What the jail declares is no failure, and only that."""
    rule = RestartRule("on-failure", success_statuses=(0, 3), success_signals=(15,))

    assert not any(is_failure(rule, Run(exit)) for exit in (OK, BAD, KILLED))
    assert is_failure(rule, Run(UNSEEN))
    assert is_failure(rule, Run(OK, 1.0, "unmount /proc: busy"))
    assert is_failure(RestartRule("on-failure", success_statuses=(3,)), Run(OK))


def test_so_many_failures_in_a_row_are_answered():
    """``on-failure:2`` starts twice, and gives up at the third failure; a success between them counts anew."""
    settings = Settings(restart=RestartRule("on-failure", tries=2))
    tallies, phases = Tallies(), []
    for _ in range(3):
        verdict = judge(settings, tallies, Run(BAD), "up", 0.0, 0.0)
        tallies = verdict.tallies
        phases.append(verdict.phase)

    assert phases == ["backoff", "backoff", "failed"]
    assert verdict.reason == "it failed 3 times in a row"
    assert verdict.tallies.next_at is None
    assert judge(
        settings, judge(settings, tallies, Run(OK), "up", 0.0, 0.0).tallies, Run(BAD), "up", 0.0, 0.0
    ).phase == ("backoff")


def test_too_many_starts_in_a_window_end_in_failed():
    """The reason says so and how it went the last time; a slow retry is due later, or there is none."""
    settings = rules("always", burst=3, window=100.0, slow_retry=500.0)
    tallies, phases = Tallies(), []
    for now in range(4):
        verdict = judge(settings, tallies, Run(None, 0.0, "no such file"), "up", now, 0.0)
        tallies = verdict.tallies
        phases.append(verdict.phase)

    assert phases == ["backoff"] * 3 + ["failed"]
    assert verdict.reason == "it was started 3 times within 100 s; the last time: no such file"
    assert verdict.tallies.next_at == 503.0
    assert judge(settings, tallies, Run(BAD), "up", 503.0, 0.0).phase == "backoff"


@given(st.sampled_from(RESTARTS), EXITS, st.sampled_from(["up", "down", "once"]), st.floats(0, 1), st.floats(0, 1e6))
def test_a_verdict_says_when(kind, exit, want, luck, now):
    """A jail that is held off has a time in the future; one that rests has none."""
    verdict = judge(rules(kind), Tallies(), Run(exit, trouble="" if exit else "x"), want, now, luck)

    assert verdict.phase in ("idle", "backoff", "failed")
    assert (verdict.tallies.next_at is not None) is (verdict.phase == "backoff")
    if verdict.phase == "backoff":
        assert want == "up"
        assert verdict.tallies.next_at >= now
