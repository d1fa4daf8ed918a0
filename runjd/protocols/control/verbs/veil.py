"""What is told of jails that a jail waits for: only of those that whoever asks may see."""

from __future__ import annotations

import re
from collections.abc import Callable

from runjd.policy.facts import Facts
from runjd.policy.plan import PlanStep

_OTHER = "another jail"


def veiled(facts: Facts, sees: Callable[[str], bool]) -> Facts:
    """Return facts whose reason names no jail that is not seen."""
    if not facts.reason:
        return facts
    settings = facts.definition.settings
    hidden = [each for each in (*settings.requires, *settings.after) if not sees(each)]
    return facts._replace(reason=_without(facts.reason, hidden)) if hidden else facts


def veiled_step(step: PlanStep, sees: Callable[[str], bool]) -> PlanStep:
    """Return a step that names no jail that is not seen, but says that there is one."""
    if all(sees(each.jail) for each in step.waits_for):
        return step
    obstacles = (each if sees(each.jail) else each._replace(jail=_OTHER) for each in step.waits_for)
    return step._replace(waits_for=tuple(obstacles))


def _without(text: str, names: list[str]) -> str:
    for each in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.+-]){re.escape(each)}(?![\w+-]|\.\w)", _OTHER, text)
    return text
