"""Jails in memory, under whatever is done to them."""

from __future__ import annotations

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runjd.kernel.freebsd.events import EVFILT_PROC, NOTE_EXIT
from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_DYING, JAIL_UPDATE
from runjd.kernel.recorder.kernel import FreeBSDRecorder

NAMES = st.sampled_from(["a", "b", "a.x", "b.x.y"])
JIDS = st.integers(0, 12)


class Jails(RuleBasedStateMachine):
    """Makes, enters, changes and removes jails, ends and reaps processes."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = FreeBSDRecorder()
        self.kernel.make_tree("/j")
        self.seen: set[int] = set()

    @rule(name=NAMES, persist=st.booleans(), vnet=st.booleans())
    def create(self, name: str, persist: bool, vnet: bool) -> None:
        """A jid is never given twice."""
        parameters = [("name", name), ("path", "/j"), ("persist", persist), ("children.max", 5)]
        with contextlib.suppress(OSError):
            jid = self.kernel.jail_set([*parameters, *([("vnet", 1)] if vnet else [])], JAIL_CREATE)
            assert jid not in self.seen
            self.seen.add(jid)

    @rule(jid=JIDS, persist=st.booleans(), dying=st.booleans())
    def change(self, jid: int, persist: bool, dying: bool) -> None:
        with contextlib.suppress(OSError):
            self.kernel.jail_set([("jid", jid), ("persist", persist)], JAIL_UPDATE | (JAIL_DYING if dying else 0))

    @rule(jid=JIDS)
    def enter(self, jid: int) -> None:
        child = self.kernel.fork()
        with self.kernel.acting_as(child), contextlib.suppress(OSError):
            self.kernel.jail_attach(jid)

    @rule(jid=JIDS)
    def remove(self, jid: int) -> None:
        """Every process of a removed jail is dead, and tells it."""
        queue = self.kernel.event_queue()
        inside = [each.pid for each in self.kernel.processes() if each.jid == jid and each.alive and jid]
        for pid in inside:
            queue.watch(pid, EVFILT_PROC, NOTE_EXIT)
        with contextlib.suppress(OSError):
            self.kernel.jail_remove(jid)
            assert {event.ident for event in queue.events()} == set(inside)
        queue.close()

    @rule(index=st.integers(0, 20))
    def exit(self, index: int) -> None:
        mine = [each for each in self._children() if each.alive]
        if mine:
            self.kernel.exit(mine[index % len(mine)].pid)

    @rule()
    def reap(self) -> None:
        for each in self._children():
            if not each.alive:
                self.kernel.reap(each.pid)

    @invariant()
    def names_are_told_apart(self) -> None:
        """No two living jails share a name, and all that live are found by it."""
        living = [each for each in self.kernel.state.prisons if not each.is_dying]
        names = [each.full_name() for each in living]
        assert len(names) == len(set(names))
        for each in living:
            assert self.kernel.jail_get([("name", each.full_name())])["jid"] == each.jid

    @invariant()
    def nothing_dies_without_a_reason(self) -> None:
        """A dying jail has a process that is not reaped, or a jail below it."""
        for each in self.kernel.state.prisons:
            if each.is_dying:
                assert any(process.jid == each.jid for process in self.kernel.state.processes.values()) or any(
                    below.parent is each for below in self.kernel.state.prisons
                )

    def teardown(self) -> None:
        """When all jails are removed and all processes reaped nothing is left, not even a network."""
        for each in list(self.kernel.state.prisons):
            with contextlib.suppress(OSError):
                self.kernel.jail_remove(each.jid)
        for child in self._children():
            if child.alive:
                self.kernel.exit(child.pid)
            self.kernel.reap(child.pid)
        assert self.kernel.state.prisons == []
        assert [each.name for each in self.kernel.state.interfaces] == ["lo0"]

    def _children(self):
        return [each for each in self.kernel.processes() if each.parent == self.kernel.state.me.pid]


TestJails = Jails.TestCase
TestJails.settings = settings(stateful_step_count=15)
TestJails.__doc__ = "Whatever is done to jails, their names, jids and ends stay in order."
