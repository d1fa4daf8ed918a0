"""The order kept by :mod:`runjd.policy.waiting`, whatever happens in whichever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.order import reached, reverse
from runjd.policy.waiting import LEANING, Standing, Start, Stop, Wait, decide, swept
from tests.policy.test_order_properties import orders

LIMIT = 2


class Site:
    """Jails without processes, on which decisions are carried out at once."""

    def __init__(self, rules) -> None:
        self.requires = {jail: each.requires for jail, each in rules.items()}
        self.required_by = reverse({jail: tuple(dict.fromkeys(each)) for jail, each in self.requires.items()})
        self.jails = {
            jail: Standing("up", "waiting", requires=each.requires, after=each.after) for jail, each in rules.items()
        }
        self.stops: set[str] = set()

    def set(self, jail: str, **changes: object) -> None:
        """Something happens to a jail."""
        self.jails[jail] = self.jails[jail]._replace(**changes)
        if self.jails[jail].phase not in LEANING:
            self.jails[jail] = self.jails[jail]._replace(is_leaving=False)

    def dismiss(self, jail: str) -> None:
        """Somebody stops a jail, or restarts it."""
        self.stops.add(jail)
        for name in swept(self.jails, self.required_by, jail):
            self.set(name, is_leaving=True)

    def settle(self) -> None:
        """Carry out decisions until there are none."""
        for _ in range(100):
            turns = LIMIT - sum(each.phase == "starting" for each in self.jails.values())
            decisions = decide(self.jails, self.required_by, list(self.jails), self.stops, turns)
            carried_out = [self.carry_out(each) for each in decisions if not isinstance(each, Wait)]
            if not carried_out:
                return
        raise AssertionError("it never comes to rest")

    def carry_out(self, decision) -> None:
        """Start or stop a jail, if that keeps the order."""
        jail = decision.jail
        if isinstance(decision, Start):
            assert self.jails[jail].phase == "waiting"
            for name in self.jails[jail].requires:
                assert self.jails[name].is_ready, f"{jail} starts before {name} is ready"
                assert not self.jails[name].is_dismissed, f"{jail} starts although {name} is to stop"
            self.set(jail, phase="starting")
            assert sum(each.phase == "starting" for each in self.jails.values()) <= LIMIT
        elif isinstance(decision, Stop):
            for name in self.required_by[jail]:
                assert self.jails[name].phase not in ("starting", "running", "stopping", "unknown")
            self.stops.discard(jail)
            is_wanted = self.jails[jail].want == "up"
            self.set(jail, phase="waiting" if is_wanted else "idle", is_ready=False, is_leaving=False)


@given(orders(), st.data())
def test_whatever_happens_nothing_starts_before_or_stops_behind_what_it_must(rules, data: st.DataObject) -> None:
    """Starts, failures, and stops by hand in any order: each decision keeps the order, and all comes to rest."""
    site = Site(rules)
    site.settle()
    for _ in range(data.draw(st.integers(0, 30))):
        jail = data.draw(st.sampled_from(sorted(site.jails)))
        what = data.draw(st.sampled_from(["launched", "ready", "fails", "again", "stop", "restart", "start"]))
        phase = site.jails[jail].phase
        if what == "launched" and phase == "starting":
            site.set(jail, phase="running")
        elif what == "ready" and phase == "running":
            site.set(jail, is_ready=True)
        elif what == "fails" and phase in ("starting", "running"):
            site.set(jail, phase="backoff" if site.jails[jail].want == "up" else "idle", is_ready=False)
            site.stops.discard(jail)
        elif what == "again" and phase == "backoff":
            site.set(jail, phase="waiting")
        elif what == "stop":
            site.set(jail, want="down", is_leaving=False)
            site.dismiss(jail)
        elif what == "restart" and phase == "running" and site.jails[jail].want == "up":
            site.set(jail, is_leaving=True)
            site.dismiss(jail)
        elif what == "start":
            site.set(jail, want="up", phase="waiting" if phase == "idle" else phase)
            site.stops.discard(jail)
        site.settle()
    for jail, each in site.jails.items():
        if each.phase == "running" and each.is_leaving:
            # what is to go and still is up waits for one that is not yet where it can be stopped
            above = reached(site.required_by, [jail])
            assert any(site.jails[name].phase == "starting" for name in above)


@given(orders())
def test_all_come_up_where_nothing_fails(rules) -> None:
    """If every start succeeds, in the end every jail is ready; and down again where all are dismissed."""
    site = Site(rules)
    for _ in range(len(rules) + 1):
        site.settle()
        for jail, each in site.jails.items():
            if each.phase == "starting":
                site.set(jail, phase="running", is_ready=True)
    assert all(each.is_ready for each in site.jails.values())
    for jail in site.jails:
        site.set(jail, want="down")
        site.dismiss(jail)
    site.settle()
    assert all(each.phase == "idle" for each in site.jails.values())
