"""What must be true of the jails of a soak, whatever was killed."""

from __future__ import annotations

import calendar
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest

from tests.soak.book import Book, Run
from tests.soak.ear import Told
from tests.soak.lives import Lives

_TERM, _KILL = "15", "9"
#: seconds: of a difference between clocks that are read one after another, and from the choice of an end to the end
_SLACK, _LATE = 0.5, 20.0
#: why a jail that is never to be started again is down, where its keeper died while it started it
_INTERRUPTED = "its start was interrupted"


class Jail:
    """
    What the model knows of one jail.

    :ivar wants: what may be wanted of it: two, while it is not known whether a request was heard.
    :ivar is_configured: it stands in the configuration; else RUN defined it.
    :ivar is_there: whether it exists; None: that is not known.
    :ivar is_struck: somebody sent it SIGKILL, or may have.
    :ivar is_alone: nobody ever asked anything of it, so what happens is its own doing, or the restart rule's.
    :ivar ends_for_good: it is forgotten when it has ended.
    """

    def __init__(self, name: str, directory: str, want: str, rule: str, is_configured: bool) -> None:
        self.name = name
        self.book = Book(directory, name)
        self.wants = {want}
        self.rule = rule
        self.is_configured = is_configured
        self.is_there: bool | None = True
        self.is_struck = False
        self.is_alone = True
        self.ends_for_good = False

    @property
    def runs(self) -> list[Run]:
        """Its runs so far, as they were when the book was read."""
        return self.book.runs


class Model:
    """
    All jails, and what of them is wrong.

    :ivar unheard: ends that were told to nobody who listened, by lives that were killed too early.
    """

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self.jails: dict[str, Jail] = {}
        self.unheard = 0
        self.last_faults: list[str] = []

    def read(self) -> None:
        """Read what the programs wrote down."""
        for jail in self.jails.values():
            jail.book.read()

    def faults(self, status: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
        """Return what is wrong at rest, by jail: while nothing is asked, and a daemon and a keeper are there."""
        self.read()
        told = {each["jail"]: each for each in status}
        news: dict[str, list[Told]] = defaultdict(list)
        for each in list(self._lives.ear.told):
            if not each.exec_id:
                news[each.jail].append(each)
        found = {"the daemon": list(self._lives.ear.complaints)}
        found |= {name: ["it is told, and is not known"] for name in (*told, *news) if name not in self.jails}
        self.unheard = 0
        for name, jail in self.jails.items():
            found[name] = [*self._of_jail(jail, told.get(name)), *self._ends(jail, news[name], told.get(name))]
        return {name: faults for name, faults in found.items() if faults}

    def settle(self, status: Sequence[Mapping[str, str]]) -> None:
        """Take what is told for true, where both would have been right."""
        told = {each["jail"]: each for each in status}
        for jail in self.jails.values():
            if jail.name in told:
                jail.wants = {told[jail.name]["want"]}
            if jail.is_there is None and not (jail.ends_for_good and jail.name in told):  # else it may go any time
                jail.is_there = jail.name in told

    def _of_jail(self, jail: Jail, told: Mapping[str, str] | None) -> Iterator[str]:
        alive = jail.book.alive()
        if len(alive) > 1 or jail.book.twice:
            yield f"it ran twice at a time: {alive}, {jail.book.twice}"
        if told is None:
            if jail.is_there:
                yield "it is not told"
            if alive:
                yield f"it lives, and is not told: {alive}"
            return
        if jail.is_there is False:
            yield f"it is told, and was removed: {dict(told)}"
        if told["want"] not in jail.wants:
            yield f"wanted is {jail.wants}, told is {told['want']}"
        phase, pid = told["phase"], int(told.get("pid", "0"))
        if phase in ("starting", "stopping", "waiting", "unknown"):
            yield f"it is still {phase}: {dict(told)}"
        elif phase == "running" and pid not in [run.pid for run in alive]:
            yield f"it is told as running with pid {pid}, and what lives is {alive}"
        elif phase != "running" and alive:
            yield f"it is told as {phase}, and lives: {alive}"
        yield from self._of_wish(jail, told)

    def _of_wish(self, jail: Jail, told: Mapping[str, str]) -> Iterator[str]:
        """What is wrong with what became of what is wanted."""
        phase = told["phase"]
        if told["want"] == "up" and jail.rule == "always" and phase not in ("running", "backoff"):
            yield f"it shall always run, and is {dict(told)}"
        is_cut_off = phase == "failed" and told.get("reason") == _INTERRUPTED and self._lives.keeper_deaths
        if told["want"] == "up" and not jail.ends_for_good and not jail.runs and not is_cut_off:
            yield f"it is wanted, and never ran: {dict(told)}"
        if jail.is_alone and jail.is_configured and jail.rule == "always" and phase in ("running", "backoff"):
            restarts = int(told.get("restarts", "0"))
            # of a start that a keeper did not live to finish no program knows
            lost = restarts - (len(jail.runs) - 1)
            if lost < 0 or lost > len(self._lives.keeper_deaths):
                yield f"{len(jail.runs)} runs and {restarts} restarts are told: {dict(told)}"
        if jail.is_alone and jail.name.startswith("steady") and len(jail.runs) != 1:
            yield f"it was started again: {jail.runs}"

    def _ends(self, jail: Jail, news: Sequence[Told], told: Mapping[str, str] | None) -> Iterator[str]:
        runs: dict[int, list[Run]] = defaultdict(list)
        for run in jail.runs:
            runs[run.pid].append(run)
        alive = {run.number for run in jail.book.alive()}
        heard: dict[int, list[Told]] = defaultdict(list)
        nameless = 0
        for each in news:
            ended = _ended(runs[each.pid], _seconds(each.at))
            if ended is not None:
                yield from self._end(jail, ended, ended.number in alive, each)
                heard[ended.number].append(each)
            elif each.exit == "unknown" and not each.pid:
                nameless += 1
            elif each.signal not in (_TERM, _KILL):  # else it was asked to end before it could write anything down
                yield f"an end is told of a run that never was: {each}"
        unheard: list[tuple[Run, Run | None]] = []
        for run, following in zip_longest(jail.runs, jail.runs[1:]):
            yield from self._twice(run, heard[run.number])
            if heard[run.number] or run.number in alive:
                continue
            if not self._lives.may_be_unknown(run):
                yield from self._untold(jail, run, following, told)
            elif self._lives.was_told_running(run):
                unheard.append((run, following))
            # of a start that did not come to its end nothing need be told
        # which of those was told as unknown nobody can say: the ones that need it most
        unheard.sort(key=lambda each: self._is_deaf(*each))
        for run, following in unheard[nameless:]:
            yield from self._untold(jail, run, following, told)
        # a program may be hung up with the keeper that started it before it could write anything down, or be told of it
        if nameless - len(unheard) > len(self._lives.keeper_deaths):
            yield f"{nameless} ends of runs that nobody knows are told"

    def _end(self, jail: Jail, run: Run, is_alive: bool, each: Told) -> Iterator[str]:
        if is_alive:
            yield f"it lives, and its end is told: {run}, {each}"
        elif each.exit == "unknown":
            if not self._lives.may_be_unknown(run):
                yield f"how it ended is not known: {run}, {each}"
        elif run.status is None or each.signal:
            is_asked = jail.is_struck or not jail.is_alone
            if not is_asked or each.signal not in (_TERM, _KILL):
                yield f"it was not asked to end so: {run}, {each}"
        elif each.exit != str(run.status):
            yield f"it ended with {run.status}, and {each.exit} is told: {run}"

    def _twice(self, run: Run, heard: Sequence[Told]) -> Iterator[str]:
        for first, second in pairwise(heard):
            if first.life == second.life:
                yield f"its end is told twice: {run}, {heard}"
            elif first.heard < self._lives.all[first.life].asked:
                yield f"its end is told again after an orderly end: {run}, {heard}"
            elif (first.exit, first.signal, first.at) != (second.exit, second.signal, second.at):
                yield f"its end is told in two ways: {heard}"

    def _untold(self, jail: Jail, run: Run, following: Run | None, told: Mapping[str, str] | None) -> Iterator[str]:
        """Whether a life that nobody listened to can have told it."""
        if not self._is_deaf(run, following):
            yield f"its end is not told: {run}"
            return
        self.unheard += 1
        if following is None and told is not None and run.status is not None:
            if told.get("exit", "") not in (str(run.status), "unknown") and "signal" not in told:
                yield f"it ended with {run.status}, and told is {dict(told)}"

    def _is_deaf(self, run: Run, following: Run | None) -> bool:
        """Whether a life that nobody listened to can have seen the end."""
        after = run.ended or run.began
        before = following.began if following is not None else float("inf")
        return any(
            life.number not in self._lives.ear.heard and life.began < before and life.ended > after
            for life in self._lives.all
        )


def _ended(runs: Sequence[Run], at: float) -> Run | None:
    """Return which of several runs ended at that time; pids come again."""
    begun = [run for run in runs if run.began <= at + _SLACK]
    if not begun or (begun[-1].ended or at) < at - _LATE:
        return None
    return begun[-1]


def _seconds(at: str) -> float:
    return calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) + float(at[19:].rstrip("Z") or "0")
