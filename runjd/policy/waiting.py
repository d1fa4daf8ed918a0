"""
What a jail waits for, before it starts and before it stops.

``requires`` and ``after`` put the named jail first; what differs is what its trouble does:

- A start waits until what it *requires* is ready, however long that takes.  A jail
  that runs already is left alone when what it requires fails, flaps or is unhealthy:
  it is the service's business to connect again, and a storm of restarts helps nobody.
  When what it requires is stopped or restarted by hand, it is stopped first, and
  started again when that is ready again, if it is still wanted.
- A start waits for what it comes *after* only while that is on its way up: one that
  is not wanted, ended, failed, or waits for its next try holds nobody up.

Facts in, decisions out; :class:`runjd.supervise.ordering.Ordering` carries them out.
"""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from runjd.policy.facts import Facts

#: phases in which something of a jail runs, or may
UP = ("starting", "running", "stopping", "unknown")
#: phases in which a jail is stopped for the sake of what it requires
LEANING = ("starting", "running")
#: names that a sentence tells of
_SHOWN = 3


class Standing(Value):
    """
    What others must know of a jail.

    :ivar want: one of :data:`runjd.policy.facts.WANTS`.
    :ivar phase: one of :data:`runjd.policy.facts.PHASES`.
    :ivar is_leaving: it is to be stopped and started again, by hand or for the sake of what it requires; nobody
        is to lean on it meanwhile.
    """

    want: str
    phase: str
    is_ready: bool = False
    requires: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    is_leaving: bool = False

    @property
    def is_dismissed(self) -> bool:
        """Whether somebody wants it down, if only for a moment."""
        return self.want == "down" or self.is_leaving


def standing_of(facts: Facts) -> Standing:
    """Return what others must know of a jail."""
    settings = facts.definition.settings
    return Standing(facts.want, facts.phase, facts.ready == "yes", settings.requires, settings.after)


class Obstacle(Value):
    """A jail that is waited for, and how it is."""

    jail: str
    why: str


class Start(Value):
    """Its turn has come."""

    jail: str


class Wait(Value):
    """
    It cannot start, or stop, yet, for that reason.

    :ivar is_vain: nothing that is under way will change that.
    """

    jail: str
    reason: str
    is_vain: bool = False


class Stop(Value):
    """Nothing needs it any more: stop it now."""

    jail: str


Decision = Start | Wait | Stop


def obstacles(jails: Mapping[str, Standing], jail: str) -> tuple[Obstacle, ...]:
    """Return what a jail's start waits for."""
    me = jails[jail]
    found = {}
    for name in me.requires:
        other = jails.get(name)
        if other is None or not other.is_ready or other.is_dismissed:
            found[name] = Obstacle(name, _how(other))
    for name in me.after:
        other = jails.get(name)
        if name not in found and other is not None and not other.is_ready and is_coming(jails, name):
            found[name] = Obstacle(name, _how(other))
    return tuple(found.values())


def is_coming(jails: Mapping[str, Standing], jail: str, is_patient: bool = False) -> bool:
    """
    Whether a jail is not ready, and on its way to be, as far as is known.

    :param is_patient: one that waits for its next try is on its way, too.
    """
    pending = [jail]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        each = jails.get(name)
        if each is None or each.want == "down":
            return False
        if each.phase == "waiting":
            pending.extend(needed for needed in each.requires if not (needed in jails and jails[needed].is_ready))
        elif each.phase not in UP and not (is_patient and each.phase == "backoff"):
            return False
    return True


def swept(jails: Mapping[str, Standing], required_by: Mapping[str, Iterable[str]], jail: str) -> tuple[str, ...]:
    """Return which jails have to leave when one is stopped by hand: all that run and require it, near or far."""
    pending = [jail]
    found: dict[str, None] = {}
    for name in pending:  # grows meanwhile
        for each in required_by.get(name, ()):
            if each not in found and each in jails and jails[each].phase in LEANING:
                found[each] = None
                pending.append(each)
    return tuple(found)


def leaning(jails: Mapping[str, Standing], dependents: Iterable[str]) -> tuple[str, ...]:
    """Return those that run, or may, of the jails that require one."""
    return tuple(name for name in dependents if name in jails and jails[name].phase in UP)


def decide(
    jails: Mapping[str, Standing],
    required_by: Mapping[str, Iterable[str]],
    changed: Collection[str],
    stops: Collection[str],
    turns: int,
) -> tuple[Decision, ...]:
    """
    Return what is to be done about these jails.

    :param required_by: for each jail those that require it.
    :param changed: those to decide on, in the order in which they asked.
    :param stops: those that somebody asked to stop, or to restart, and that were not told to yet.
    :param turns: so many may start now.
    """
    decisions: list[Decision] = []
    for jail in changed:
        me = jails.get(jail)
        if me is None:
            continue
        if me.phase == "waiting":
            before = obstacles(jails, jail)
            if before:
                decisions.append(Wait(jail, explain(before), _is_vain(jails, me, before)))
            elif turns > 0:
                turns -= 1
                decisions.append(Start(jail))
            else:
                decisions.append(Wait(jail, CROWDED))
        elif me.phase == "running" and (jail in stops or me.is_leaving):
            after = leaning(jails, required_by.get(jail, ()))
            if after:
                decisions.append(Wait(jail, f"{_FOR}{_list(after)}{_TO_STOP}"))
            else:
                decisions.append(Stop(jail))
        elif jail in stops:
            decisions.append(Stop(jail))  # it does not run, or not yet: nobody leans on it
    return tuple(decisions)


#: why a jail waits that has nothing to wait for
CROWDED = "waiting for its turn: as many as may start at a time"
_FOR, _TO_STOP = "waiting for ", " to stop"


def explain(found: tuple[Obstacle, ...]) -> str:
    """Return what is waited for, in words for people."""
    return f"{_FOR}{_list([f'{each.jail} ({each.why})' for each in found])}"


def named(text: str) -> tuple[str, ...]:
    """Return the jails that are named by a text that says, maybe behind something else, what a jail waits for."""
    said = text.partition(_FOR)[2]
    names = said.removesuffix(_TO_STOP)
    before, _, count = names.rpartition(" and ")
    if before and count.endswith(" more"):
        names = before
    is_told = said.endswith(_TO_STOP)  # else each is told with how it is
    found = (each.partition(" ") for each in names.split(", "))
    # what is neither are other words
    return tuple(name for name, _, how in found if name and (not how if is_told else how[:1] + how[-1:] == "()"))


def _is_vain(jails: Mapping[str, Standing], me: Standing, found: Iterable[Obstacle]) -> bool:
    """Whether somebody must do something before a jail can start."""
    return any(
        each.jail in me.requires
        and not (each.jail in jails and jails[each.jail].is_ready)
        and not is_coming(jails, each.jail, is_patient=True)
        for each in found
    )


def _list(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _how(other: Standing | None) -> str:
    """Return how a jail is that is not ready."""
    if other is None:
        return "there is no such jail"
    if other.is_leaving:
        return "restarting"
    if other.phase == "idle":
        return "stopped" if other.want == "down" else "ended"
    if other.phase == "running":
        return "stopping" if other.want == "down" else "not ready"
    return other.phase
