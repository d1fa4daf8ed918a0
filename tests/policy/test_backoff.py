"""Delays before a start, and their count."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.backoff import Tallies, delay, ended, held_off, is_exhausted
from runjd.policy.settings import BackoffRule

RULES = st.builds(
    BackoffRule,
    first=st.floats(0, 1000),
    factor=st.floats(0.5, 10),
    cap=st.floats(0, 1000),
    jitter=st.floats(0, 2),
    reset_after=st.floats(0.1, 100),
    burst=st.integers(0, 5),
    window=st.floats(1, 1000),
)
LUCK = st.floats(0, 1)
TALLIES = st.builds(Tallies, held=st.integers(0, 10_000), failures=st.integers(0, 9))


@given(RULES, st.integers(0, 300), LUCK)
def test_a_delay_is_monotone(rule, held, luck):
    """With the same luck nobody waits less after one failure more."""
    assert delay(rule, held + 1, luck) >= delay(rule, held, luck)


@given(RULES, st.integers(0, 10_000), LUCK)
def test_a_delay_is_capped(rule, held, luck):
    """However long it fails, and whatever the luck, nobody waits longer than the cap."""
    assert 0 <= delay(rule, held, luck) <= rule.cap * (1 + 1e-9)


@given(RULES, st.integers(0, 300), LUCK)
def test_jitter_only_adds_its_share(rule, held, luck):
    """A delay is between the plain one and that with the whole jitter."""
    plain = delay(rule, held, 0.0)
    assert plain <= delay(rule, held, luck) <= plain * (1 + rule.jitter) * (1 + 1e-9)


def test_the_documented_delays():
    """0.1 s, then twice as long each time, up to five minutes; the last are still jittered."""
    rule = BackoffRule()
    assert [round(delay(rule, held, 0.0), 1) for held in range(14)] == [
        0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 272.7, 272.7,
    ]  # fmt: skip
    assert delay(rule, 99, 1.0) == 300.0


@given(TALLIES, RULES, st.floats(0, 1000), st.booleans())
def test_a_long_run_begins_anew(tallies, rule, lasted, failed):
    """Who ran as long as ``reset_after`` waits as after the first failure; who did not goes on counting."""
    after = ended(tallies, rule, lasted, failed)

    assert after.held == (0 if lasted >= rule.reset_after else tallies.held)
    assert after.next_at is None
    if not failed:
        assert after.failures == 0
    elif lasted >= rule.reset_after:
        assert after.failures == 1
    else:
        assert after.failures == tallies.failures + 1


@given(RULES.filter(lambda rule: rule.burst > 0), st.lists(st.floats(0, 50), min_size=1, max_size=30), LUCK)
def test_no_window_has_more_starts_than_the_limit(rule, pauses, luck):
    """Whenever it fails, at most ``burst`` starts come within any ``window``; and only so many are remembered."""
    now, tallies, starts = 0.0, Tallies(), []
    for pause in pauses:
        now += pause
        tallies = ended(tallies, rule, 0.0, True)
        if not is_exhausted(tallies, rule, now):
            tallies = held_off(tallies, rule, now, luck)
            now = tallies.next_at
            starts.append(now)
        assert len(tallies.recent) <= rule.burst

    for each in starts:
        assert sum(each - rule.window < other <= each for other in starts) <= rule.burst


def test_without_a_limit_nothing_is_remembered():
    """A jail that crashes for weeks costs no memory."""
    tallies = Tallies()
    for _ in range(1000):
        tallies = held_off(tallies, BackoffRule(), 1.0, 0.5)

    assert tallies.recent == ()
    assert not is_exhausted(tallies, BackoffRule(), 1.0)


def test_a_hundred_jails_in_a_crash_loop_come_seldom_and_not_at_once():
    """With the default delays: after the first minutes less than one start in two seconds, spread by the jitter."""
    rule, luck = BackoffRule(), Random(28)
    starts = []
    for _ in range(100):
        tallies, now = Tallies(), 0.0
        while now < 3600.0:
            tallies = held_off(ended(tallies, rule, 0.0, True), rule, now, luck.random())
            assert tallies.next_at is not None
            now = tallies.next_at
            starts.append(now)

    late = sorted(each for each in starts if 1800.0 <= each < 3600.0)
    assert len(late) / 1800.0 < 0.5
    assert max(sum(each <= other < each + 1.0 for other in late) for each in late) <= 10
