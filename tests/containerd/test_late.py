"""What serves containerd is there when it is needed, and not before."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from runjd.containerd.late import LateSide
from runjd.containerd.sharing import SharedKeeper
from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Exited
from runjd.protocols.ttrpc.call import Call, Caller, Origin

CALL = Call("containerd.task.v2.Task", "State", b"", (), 0.0, Caller(Origin("a", "b", "ns"), "c", 1), False)


class Side:
    """A side that notes what it hears; it is its own tasks and its own services."""

    def __init__(self, *jails: str) -> None:
        self.heard: list[Any] = []
        self.jails = jails
        self.tasks = self.services = self

    def __getattr__(self, name: str) -> Any:
        return lambda *words: self.heard.append((name, *words))

    def knows(self, jail: str) -> bool:
        return jail in self.jails

    def call(self, call: Call) -> Deferred[bytes]:
        self.heard.append(call)
        return succeed(b"answer")


def late(side: Side, *tasks: str) -> tuple[LateSide, list[Side]]:
    """Return what stands before a side, and the list of what was made."""
    made: list[Side] = []

    def make() -> Any:
        made.append(side)
        return side

    return LateSide(make, list(tasks)), made


def test_a_daemon_that_no_containerd_uses_has_none_of_it() -> None:
    """The keeper tells what there is, is lost and comes back, and the daemon ends: nothing is made."""
    made_late, made = late(Side())
    other = Side()
    shared = SharedKeeper(made_late, other)  # type: ignore[arg-type]
    exited = Exited("web", "", ExitRecord(1, 0, None, 1.0), True)

    shared.process_exited(exited)
    shared.ready()
    shared.keeper_lost("it was killed")
    made_late.stop()

    assert made == []
    assert other.heard == [("process_exited", exited), ("ready",), ("keeper_lost", "it was killed")]


def test_the_first_call_makes_it() -> None:
    """Once; as the keeper has told all, it hears that, and from then on whatever concerns it."""
    side = Side("task")
    made_late, made = late(side)
    made_late.ready()

    assert [made_late.call(CALL).result, made_late.call(CALL).result] == [b"answer", b"answer"]
    made_late.keeper_lost("it was killed")
    made_late.stop()

    assert made == [side]
    assert made_late.knows("task")
    assert side.heard == [("ready",), CALL, CALL, ("keeper_lost", "it was killed"), ("stop",)]


def test_without_a_keeper_it_waits_for_what_one_tells() -> None:
    """It is made by a call while the keeper is away."""
    side = Side()
    made_late, _ = late(side)
    made_late.ready()
    made_late.keeper_lost("it was killed")
    made_late.call(CALL)
    made_late.ready()

    assert side.heard == [CALL, ("ready",)]


def test_where_there_are_tasks_it_is_there_from_the_start() -> None:
    """Their processes may be told at once."""
    side = Side("task")
    made_late, made = late(side, "ns+task.json")
    exited = Exited("task", "", ExitRecord(1, 0, None, 1.0), True)
    SharedKeeper(made_late, Side()).process_exited(exited)  # type: ignore[arg-type]

    assert made == [side]
    assert side.heard == [("process_exited", exited)]
