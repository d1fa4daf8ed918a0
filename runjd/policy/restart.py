"""
What becomes of a jail that ended by itself, or that could not be started.

========== ==================== ==================== ================= =====================
kind       ended with success   ended with failure   after a restart   after a reboot, where
                                                     of the daemon     it was stopped by hand
========== ==================== ==================== ================= =====================
never      rests                rests                stays as it is    stays down
on-failure rests                starts               stays as it is    stays down
always     starts               starts               stays as it is    starts
unless-    starts               starts               stays as it is    stays down
stopped
========== ==================== ==================== ================= =====================

A start is held off by :mod:`runjd.policy.backoff`.  A jail that was stopped stays
down until somebody starts it, or the host is booted.
"""

from __future__ import annotations

from runjd.policy.backoff import Tallies, ended, held_off, is_exhausted
from runjd.policy.facts import ExitRecord
from runjd.policy.settings import RESTARTS, RestartRule, Settings
from runjd.values import Value


class Verdict(Value):
    """
    What to do with it.

    :ivar phase: ``idle``: leave it; ``backoff``: start it at ``tallies.next_at``; ``failed``: it is given
        up, or tried again at ``tallies.next_at`` where that is set.
    :ivar reason: why, for people; empty where there is nothing to say.
    """

    phase: str
    tallies: Tallies
    reason: str = ""


class Run(Value):
    """
    A run that is over.

    :ivar exit: how it ended; None: it could not be started.
    :ivar lasted: seconds.
    :ivar trouble: what went wrong at its start or its removal, for people; empty: nothing did.
    """

    exit: ExitRecord | None
    lasted: float = 0.0
    trouble: str = ""


def restart_rule(text: str) -> RestartRule:
    """
    Return the rule that a word says, as ``always`` or ``on-failure:5``.

    :raise ValueError: it says none; reads on from the name of what it is.
    """
    kind, colon, tries = text.partition(":")
    if kind in RESTARTS and not colon:
        return RestartRule(kind)
    if kind != "on-failure" or not (tries.isascii() and tries.isdigit() and len(tries) < 9 and int(tries) > 0):
        raise ValueError(f"must be one of {', '.join(RESTARTS)}, or on-failure:5")
    return RestartRule(kind, int(tries))


def word_of(rule: RestartRule) -> str:
    """Return the word for a rule."""
    return rule.kind if rule.tries is None else f"{rule.kind}:{rule.tries}"


def is_failure(rule: RestartRule, run: Run) -> bool:
    """Return whether it failed; an end that nobody saw is a failure."""
    if run.exit is None or run.trouble or not run.exit.is_known:
        return True
    if run.exit.signal is not None:
        return run.exit.signal not in rule.success_signals
    return run.exit.status not in rule.success_statuses


def judge(settings: Settings, tallies: Tallies, run: Run, want: str, now: float, random: float) -> Verdict:
    """
    Decide about a jail that is down.

    :param want: up, down or once.
    :param now: seconds since the host's boot.
    :param random: from 0 to 1, for the jitter.
    """
    rule, backoff = settings.restart, settings.backoff
    has_failed = is_failure(rule, run)
    tallies = ended(tallies, backoff, run.lasted, has_failed)
    if want == "down":
        return Verdict("failed" if run.trouble else "idle", tallies, run.trouble)
    if want == "once" or rule.kind == "never":
        return Verdict("failed" if run.trouble else "idle", tallies, run.trouble)
    if rule.kind == "on-failure":
        if not has_failed:
            return Verdict("idle", tallies)
        if rule.tries is not None and tallies.failures > rule.tries:
            return _give_up(settings, tallies, now, _reason(f"it failed {tallies.failures} times in a row", run))
    if is_exhausted(tallies, backoff, now):
        many = f"it was started {backoff.burst} times within {backoff.window:g} s"
        return _give_up(settings, tallies, now, _reason(many, run))
    return Verdict("backoff", held_off(tallies, backoff, now, random), run.trouble)


def _give_up(settings: Settings, tallies: Tallies, now: float, reason: str) -> Verdict:
    retry = settings.backoff.slow_retry
    if retry is None:
        return Verdict("failed", tallies, reason)
    return Verdict("failed", tallies._replace(next_at=now + retry), reason)


def _reason(text: str, run: Run) -> str:
    return f"{text}; the last time: {run.trouble}" if run.trouble else text
