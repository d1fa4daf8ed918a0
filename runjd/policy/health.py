"""
What the answers of a probe make of a jail's health.

Docker's rules, as people know them: an answer of no counts only behind the start
period or behind the first yes; so many in a row make a jail unhealthy.
"""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.policy.settings import HealthRule


class Health(Value):
    """
    What is known so far of one run of a jail.

    :ivar verdict: starting, healthy or unhealthy.
    :ivar yes: answers of yes in a row.
    :ivar no: answers of no in a row that count.
    """

    verdict: str = "starting"
    yes: int = 0
    no: int = 0


def judge(rule: HealthRule, before: Health, answer: bool, age: float) -> Health:
    """
    Return what is known after one more answer.

    :param age: seconds since the jail was started.
    """
    if answer:
        yes = before.yes + 1
        is_well = before.verdict != "unhealthy" or yes >= rule.successes
        return Health("healthy" if is_well else "unhealthy", yes, 0)
    if before.verdict == "starting" and age < rule.start_period:
        return Health("starting", 0, 0)
    no = before.no + 1
    return Health("unhealthy" if no >= rule.failures else before.verdict, 0, no)


def action(rule: HealthRule, before: Health, after: Health) -> str:
    """Return what is to be done about the jail: none, restart, stop or kill; only as it becomes unhealthy."""
    return rule.action if after.verdict == "unhealthy" and before.verdict != "unhealthy" else "none"


def first_delay(interval: float, chance: float) -> float:
    """
    Return how long to wait before the first probe of a run, so that a thousand jails do not ask in one instant.

    :param chance: from 0 to 1, drawn for this run.
    """
    return interval * min(1.0, max(0.0, chance))


def next_delay(interval: float, took: float) -> float:
    """Return how long to wait after a probe that took so long: one begins each interval, none before the last ended."""
    return max(0.0, interval - took)
