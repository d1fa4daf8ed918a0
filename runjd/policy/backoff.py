"""
How long it is waited before the next start, and when there have been too many.

Times are seconds of a clock that no change of the wall clock moves, since the
host's boot, so that a count outlasts the daemon and is void after a reboot.
"""

from __future__ import annotations

from runjd.policy.settings import BackoffRule
from runjd.values import Value


class Tallies(Value):
    """
    What the next decision depends on; kept on disk.

    :ivar restarts: starts that nobody asked for, since somebody asked for one.
    :ivar held: delays in a row, without a run that was long enough between them.
    :ivar failures: failures in a row, without a run that was long enough between them.
    :ivar recent: when starts that nobody asked for were due, the newest last, as far as the window needs them.
    :ivar next_at: when the next one is due; None: none is.
    """

    restarts: int = 0
    held: int = 0
    failures: int = 0
    recent: tuple[float, ...] = ()
    next_at: float | None = None


def delay(rule: BackoffRule, held: int, random: float) -> float:
    """
    Return how long to wait.

    It never is longer than the cap, jitter included, and the cap is jittered, too: jails that fail
    for one reason do not come back in one moment.

    :param held: delays in a row before this one.
    :param random: from 0 to 1.
    """
    spread = 1.0 + max(0.0, rule.jitter)
    longest = rule.cap / spread
    base = max(0.0, min(rule.first, longest))
    for _ in range(held):
        if base >= longest or rule.factor <= 1.0:
            break
        base = min(base * rule.factor, longest)
    return base * (1.0 + max(0.0, rule.jitter) * random)


def ended(tallies: Tallies, rule: BackoffRule, ran_for: float, is_failure: bool) -> Tallies:
    """
    Return the tallies after a run, or an attempt at one.

    :param ran_for: how long it ran; 0 where it did not start.
    """
    if ran_for >= rule.reset_after > 0.0:
        tallies = tallies._replace(held=0, failures=0)
    return tallies._replace(failures=tallies.failures + 1 if is_failure else 0, next_at=None)


def held_off(tallies: Tallies, rule: BackoffRule, now: float, random: float) -> Tallies:
    """Return the tallies with the next start due after a delay."""
    next_at = now + delay(rule, tallies.held, random)
    recent = (*tallies.recent, next_at)[-rule.burst :] if rule.burst > 0 else ()
    return tallies._replace(held=tallies.held + 1, recent=recent, next_at=next_at)


def is_exhausted(tallies: Tallies, rule: BackoffRule, now: float) -> bool:
    """Return whether another start would be one too many within the window."""
    if rule.burst <= 0:
        return False
    return sum(each > now - rule.window for each in tallies.recent) >= rule.burst
