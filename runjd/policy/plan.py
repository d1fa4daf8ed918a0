"""
What would happen if jails were started: who first, and who waits for whom.

From facts and settings only; nobody is asked and nothing is changed.
"""

from __future__ import annotations

from runjd.policy.order import reached, start_layers
from runjd.policy.waiting import Obstacle, Standing, obstacles
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: what becomes of a jail: it is up already, it is started, or it waits for what nobody would start
DOES = ("keep", "start", "wait")


class PlanStep(Value):
    """
    What would become of one jail.

    :ivar does: one of :data:`DOES`.
    :ivar step: those with the same number start at a time; 0: it is not started.
    :ivar phase: where it stands now.
    :ivar waits_for: jails that must be ready before it starts, or that it waits for in vain.
    """

    jail: str
    does: str
    step: int
    phase: str
    waits_for: tuple[Obstacle, ...] = ()


def pulled(jails: Mapping[str, Standing], asked: Collection[str]) -> tuple[str, ...]:
    """
    Return which other jails a START of these starts, too: those that they require, near or far, that are down.

    One that waits for its next try goes on waiting: it is wanted up already, and nobody is hurried.
    """
    pending = [name for name in asked if name in jails]
    found: dict[str, None] = dict.fromkeys(pending)
    for name in pending:  # grows meanwhile
        for needed in jails[name].requires:
            if needed not in found and needed in jails:
                found[needed] = None
                pending.append(needed)
    first = set(asked)
    return tuple(
        name
        for name in found
        if name not in first and (jails[name].want == "down" or jails[name].phase in ("idle", "waiting", "failed"))
    )


def plan(jails: Mapping[str, Standing], asked: Collection[str] | None = None) -> tuple[PlanStep, ...]:
    """
    Return what would become of each jail, in the order in which it would happen.

    :param asked: a START of these, which starts what they require; None: of all that are wanted, as at boot, which
        starts nothing that somebody wants down.
    """
    if asked is None:
        shown = tuple(jail for jail, each in jails.items() if each.want != "down")
    else:
        shown = reached(_requires(jails), asked)
    then = dict(jails)
    for name in shown:
        phase = jails[name].phase
        then[name] = jails[name]._replace(want="up", phase=phase if phase in _STAYS else "waiting", is_leaving=False)
    steps: dict[str, PlanStep] = {}
    for layer in start_layers(then):
        for jail in layer:
            steps[jail] = _step(then, steps, jail, jails[jail].phase)
    return tuple(sorted((steps[jail] for jail in shown), key=lambda each: (_PLACES[each.does], each.step, each.jail)))


_STAYS = ("starting", "running")
_PLACES = {does: place for place, does in enumerate(DOES)}


def _step(then: Mapping[str, Standing], steps: Mapping[str, PlanStep], jail: str, phase: str) -> PlanStep:
    """Return what becomes of a jail, of what became of those before it."""
    if then[jail].phase in _STAYS:
        return PlanStep(jail, "keep", 0, phase)
    found = obstacles(then, jail)
    vain = tuple(each for each in found if each.jail not in steps or steps[each.jail].does == "wait")
    if vain or then[jail].want == "down":
        return PlanStep(jail, "wait", 0, phase, vain)
    return PlanStep(jail, "start", 1 + max((steps[each.jail].step for each in found), default=0), phase, found)


def _requires(jails: Mapping[str, Standing]) -> dict[str, tuple[str, ...]]:
    return {jail: tuple(name for name in each.requires if name in jails) for jail, each in jails.items()}
