"""What is told of jails that a jail waits for: names only of those that whoever asks may see."""

from __future__ import annotations

import re
from collections.abc import Callable

from runjd.errors import DependencyFailed, RunjdError
from runjd.policy.facts import Event, Facts
from runjd.policy.plan import PlanStep
from runjd.policy.waiting import named

_OTHER, _REASON = "another jail", "reason"


def veiled(facts: Facts, sees: Callable[[str], bool]) -> Facts:
    """Return facts whose reason names no jail that is not seen."""
    settings = facts.definition.settings
    names = (*settings.requires, *settings.after, *named(facts.reason)) if facts.reason else ()
    hidden = [each for each in names if not sees(each)]
    return facts._replace(reason=_without(facts.reason, hidden)) if hidden else facts


def veiled_event(event: Event, sees: Callable[[str], bool]) -> Event:
    """Return an event whose reason names no jail that is not seen."""
    reasons = [text for key, text in event.details if key == _REASON]
    hidden = [name for text in reasons for name in named(text) if not sees(name)]
    if not hidden:
        return event
    details = ((key, _without(text, hidden) if key == _REASON else text) for key, text in event.details)
    return event._replace(details=tuple(details))


def veiled_error(error: RunjdError, sees: Callable[[str], bool]) -> RunjdError:
    """Return an error that names no jail that is not seen as one that is waited for."""
    if not isinstance(error, DependencyFailed):
        return error
    hidden = [name for name in named(error.message) if not sees(name)]
    return DependencyFailed(_without(error.message, hidden), **error.details) if hidden else error


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
