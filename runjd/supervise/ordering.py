"""
The order of all jails, kept: who may start now, and who may stop.

A thin shell around :mod:`runjd.policy.waiting`: what changed is looked at in the next
turn of the reactor, together with whom it concerns, and what is decided is done.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from runjd.errors import DependencyFailed, RunjdError
from runjd.policy.plan import pulled
from runjd.policy.waiting import CROWDED, LEANING, Standing, Start, Wait, decide, leaning, swept
from runjd.supervise.causes import ORDER
from runjd.supervise.neighbours import Neighbours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.supervise.jail import Jail

#: jails that are being started at a time, where nobody says otherwise
PARALLEL = 8
#: phases that end the hopes of whoever waits behind a jail, near or far
_OFF = ("idle", "failed", "backoff")


class Ordering:
    """
    Keeps the order.

    :ivar parallel: so many jails may be starting at a time.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.parallel = PARALLEL
        self._clock = clock
        self._jails: dict[str, Jail] = {}
        self._neighbours = Neighbours()
        self._is_open = False
        self._call: IDelayedCall | None = None
        # whether all that wait are to be looked at; else those that changed, or asked, in that order
        self._is_all_new = False
        self._changed: dict[str, None] = {}
        self._crowd: dict[str, None] = {}
        # by whom those that are new were defined
        self._coming: dict[str, str] = {}
        self._starting: set[str] = set()
        self._stops: dict[str, Callable[[], None]] = {}
        self._leaving: set[str] = set()
        self._reasons: dict[str, str] = {}

    def open(self) -> None:
        """There is a keeper: jails can be started."""
        self._is_open = True
        self._look_at_all()

    def close(self) -> None:
        """There is no keeper, or the daemon ends: nobody is started until further notice."""
        self._is_open = False

    @property
    def waiting(self) -> int:
        """How many jails wait for others, or for their turn."""
        return len(self._crowd)

    def census(self) -> tuple[int, int]:
        """Return how many jails there are, and how many of them run."""
        return len(self._jails), sum(each.is_running for each in self._jails.values())

    def reason(self, id: str) -> str:
        """Return what a jail waits for; empty where it does not."""
        return self._reasons.get(id, "")

    # --- what jails do -------------------------------------------------------------------

    def learn(self, jail: Jail) -> None:
        """A jail is there, or its settings are others."""
        self._jails[jail.id] = jail
        self._neighbours.learn(jail.id, jail.settings)
        self._look_at_all()

    def expect(self, jail: Jail, by: str) -> None:
        """
        A jail that is new comes up now.

        One that names others does in the next turn, so that of many that are new it sees all.
        """
        if jail.settings.requires or jail.settings.after:
            self._coming[jail.id] = by
            self._look_at(())
        else:
            jail.come_up(by)

    def forget(self, jail: Jail) -> None:
        """A jail is gone."""
        id = jail.id
        if self._jails.get(id) is not jail:
            return
        del self._jails[id]
        self._neighbours.forget(id)
        tables: tuple[dict[str, Any], ...] = (self._changed, self._crowd, self._coming, self._stops, self._reasons)
        for each in tables:
            each.pop(id, None)
        self._starting.discard(id)
        self._leaving.discard(id)
        self._look_at_all()

    def admit(self, jail: Jail) -> str:
        """
        Return why a jail that waits may not start now; empty where it may.

        Whoever may not is told to ``go`` later.
        """
        (decision,) = decide(self._standings(), _NOBODY, (jail.id,), (), self._turns())
        if isinstance(decision, Start):
            return ""
        assert isinstance(decision, Wait)
        self._wait(jail, decision._replace(is_vain=False))  # which the next turn knows better
        self._look_at((jail.id,))
        return decision.reason

    def moved(self, jail: Jail) -> None:
        """A jail is in another phase, became ready, or is wanted otherwise."""
        id, phase = jail.id, jail.phase
        if phase == "starting":
            self._starting.add(id)
        else:
            self._starting.discard(id)
        if phase not in LEANING:
            self._leaving.discard(id)
        if jail.want == "down":
            self._sweep(id)
        if phase != "waiting":
            self._crowd.pop(id, None)
            if id not in self._stops:
                self._reasons.pop(id, None)
        if self._crowd or id in self._stops or jail.settings.requires or self._neighbours.named_by(id):
            self._look_at(self._concerned(jail))

    # --- what is asked of jails ------------------------------------------------------------

    def bring_along(self, jail: Jail, is_by_hand: bool) -> None:
        """
        Have what a jail requires started, too.

        :param is_by_hand: also what somebody wants down, or what failed.
        """
        if not jail.settings.requires:
            return
        for id in pulled(self._standings(), (jail.id,)):
            other = self._jails[id]
            if other.forgetting.is_due:
                continue  # and whoever requires it waits
            if other.want == "down":
                if not is_by_hand and other.record.want:
                    continue
                try:
                    other.set_want("up", ORDER)
                except RunjdError:
                    if is_by_hand:
                        raise
                    continue  # and whoever requires it waits
            elif other.phase not in ("idle", "failed"):
                continue
            other.by = ORDER
            other.retrying.clear()
            other.machine.start()

    def stop(self, jail: Jail, act: Callable[[], None], is_back_soon: bool = False) -> None:
        """
        Stop a jail as soon as nothing leans on it any more, which is seen to.

        :param act: stops it; called once, at once where nothing does.
        :param is_back_soon: it is started again then, and nobody who leans on it before that.
        """
        id = jail.id
        if jail.phase != "running" or not leaning(self._standings(), self._neighbours.required_by(id)):
            self._stops.pop(id, None)
            act()
            return
        self._stops[id] = act
        if is_back_soon:
            self._leaving.add(id)
        self._sweep(id)
        self._look_at(self._concerned(jail))

    def is_stopping(self, jail: Jail) -> bool:
        """Whether a jail is to be stopped, and others are stopped before."""
        return jail.id in self._stops

    # --- inside ----------------------------------------------------------------------------

    def _standings(self) -> _Standings:
        return _Standings(self._jails, self._leaving)

    def _turns(self) -> int:
        return self.parallel - len(self._starting) if self._is_open else 0

    def _look_at_all(self) -> None:
        self._is_all_new = True
        self._look_at(())

    def _look_at(self, ids: Iterable[str]) -> None:
        self._changed.update(dict.fromkeys(ids))
        if self._call is None and self._is_open:
            self._call = self._clock.callLater(0, self._decide)

    def _decide(self) -> None:
        self._call = None
        coming, self._coming = self._coming, {}
        for id, by in coming.items():
            self._guarded(self._jails[id].come_up, by)
        turns = self._turns()
        changed, self._changed = self._changed, {}
        if self._is_all_new:
            self._is_all_new = False
            changed |= dict.fromkeys(id for id, jail in self._jails.items() if jail.phase == "waiting")
        for id in list(self._crowd)[: max(0, turns)]:
            changed[id] = None
        for decision in decide(self._standings(), _Dependents(self._neighbours), tuple(changed), self._stops, turns):
            jail = self._jails.get(decision.jail)
            if jail is None:
                continue
            if isinstance(decision, Wait):
                self._guarded(self._wait, jail, decision)
            elif isinstance(decision, Start):
                self._guarded(jail.machine.go)
            else:
                self._guarded(self._stop, jail)

    def _guarded(self, do: Callable[..., None], *words: object) -> None:
        """Whatever goes wrong with one jail, the others are dealt with."""
        try:
            do(*words)
        except Exception:
            self._log.failure("a decision about the order could not be carried out")

    def _wait(self, jail: Jail, decision: Wait) -> None:
        self._reasons[jail.id] = decision.reason
        if decision.reason == CROWDED:
            self._crowd[jail.id] = None
        else:
            self._crowd.pop(jail.id, None)
        if decision.is_vain:
            jail.waiters.failed(DependencyFailed(f'jail "{jail.id}" is {decision.reason}', jail=jail.id))

    def _stop(self, jail: Jail) -> None:
        self._reasons.pop(jail.id, None)
        act = self._stops.pop(jail.id, None)
        if act is not None:
            act()
        else:
            jail.by = ORDER
            jail.machine.restart(jail.settings.stop.timeout)

    def _sweep(self, id: str) -> None:
        """A jail is dismissed: so are those that require it."""
        if self._neighbours.required_by(id):
            self._leaving.update(swept(self._standings(), _Dependents(self._neighbours), id))

    def _concerned(self, jail: Jail) -> Iterator[str]:
        """Yield a jail, those that it leans on, and those that are behind it, as far as its change reaches."""
        yield jail.id
        yield from jail.settings.requires
        is_far = _phase_of(jail) in _OFF or jail.want == "down" or jail.id in self._leaving
        pending, seen = [jail.id], {jail.id}
        for id in pending:  # grows meanwhile
            for name in self._neighbours.named_by(id):
                if name not in seen:
                    seen.add(name)
                    yield name
                    if is_far:
                        pending.append(name)


_NOBODY: Mapping[str, tuple[str, ...]] = {}


def _phase_of(jail: Jail) -> str:
    """Return the phase of a jail; of one that is about to come up, the one that it will be in."""
    return "waiting" if jail.phase == "idle" and jail.record.stood == "new" and jail.want != "down" else jail.phase


class _Standings(Mapping[str, Standing]):
    """The jails as :mod:`runjd.policy.waiting` takes them at this moment, each made when it is looked at first."""

    def __init__(self, jails: Mapping[str, Jail], leaving: Container[str]) -> None:
        self._jails = jails
        self._leaving = leaving
        self._made: dict[str, Standing] = {}

    def __getitem__(self, id: str) -> Standing:
        found = self._made.get(id)
        if found is None:
            jail = self._jails[id]
            rules, is_leaving = jail.settings, id in self._leaving
            found = Standing(jail.want, _phase_of(jail), jail.is_ready, rules.requires, rules.after, is_leaving)
            self._made[id] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._jails)

    def __len__(self) -> int:
        return len(self._jails)


class _Dependents(Mapping[str, Iterable[str]]):
    """For each jail those that require it."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def __getitem__(self, id: str) -> Iterable[str]:
        return self._neighbours.required_by(id)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
