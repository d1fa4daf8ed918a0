"""Measuring off the reactor, one at a time."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from runjd.errors import InputOutput
from runjd.policy.facts import ExitRecord
from runjd.policy.usage import Usage
from runjd.runtime.meters.memory import MemoryMeter
from runjd.supervise.metering import Metering


class Thread:
    """A thread that works when it is told to."""

    def __init__(self) -> None:
        self.work: list = []

    def __call__(self, call, *words) -> Deferred:
        result: Deferred = Deferred()
        self.work.append((call, words, result))
        return result

    def go(self) -> None:
        """Do one thing."""
        call, words, result = self.work.pop(0)
        try:
            result.callback(call(*words))
        except OSError:
            result.errback()


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
def meter() -> MemoryMeter:
    made = MemoryMeter()
    made.usages = {"web": Usage(1.0, 2, 3), "db": Usage(4.0, 5, 6)}
    return made


def test_who_asks_meanwhile_shares_the_next_one(thread: Thread, meter: MemoryMeter) -> None:
    """There is one at a time, however many ask, and it is of all that they want."""
    metering = Metering(meter, thread, lambda: 7.5)
    found: list = []
    for inits in ({"web": 1}, {"db": 2}, {"web": 1}):
        metering.measure(inits).addCallback(found.append)

    assert len(thread.work) == 1
    thread.go()
    assert found == [(7.5, {"web": Usage(1.0, 2, 3)})]
    thread.go()
    assert meter.asked == [{"web": 1}, {"db": 2, "web": 1}]
    assert found[1] == found[2] == (7.5, meter.usages)
    assert thread.work == []


def test_who_does_not_wait_any_more_disturbs_nobody(thread: Thread, meter: MemoryMeter) -> None:
    """The measurement goes on for the others."""
    metering = Metering(meter, thread, lambda: 0.0)
    gone, stays = metering.measure({"web": 1}), metering.measure({"web": 1})
    gone.addErrback(lambda failure: None)
    found: list = []
    stays.addCallback(found.append)
    gone.cancel()

    thread.go()
    thread.go()

    assert found == [(0.0, {"web": Usage(1.0, 2, 3)})]


def test_a_system_that_tells_nothing_is_an_error(thread: Thread, meter: MemoryMeter) -> None:
    """Of that measurement; the next one is tried."""
    metering = Metering(meter, thread, lambda: 0.0)
    meter.error = OSError(5, "Input/output error")
    failures: list = []
    metering.measure({"web": 1}).addErrback(failures.append)

    thread.go()
    meter.error = None
    metering.measure({"web": 1})

    assert failures[0].check(InputOutput)
    assert len(thread.work) == 1


@pytest.mark.parametrize(
    ("exit", "oom"),
    [
        (ExitRecord(7, None, 9, 1.0), True),
        (ExitRecord(7, 137, None, 1.0), True),
        (ExitRecord(7, 1, None, 1.0), None),
        (ExitRecord(7, None, 15, 1.0), None),
    ],
)
def test_only_who_was_killed_can_have_run_out_of_memory(
    thread: Thread, meter: MemoryMeter, exit: ExitRecord, oom: bool | None
) -> None:
    """By SIGKILL, itself or the program that a shell waited for."""
    meter.ran_out_of["web"] = True

    assert Metering(meter, thread, lambda: 0.0).judged("web", exit, None).oom is oom


def test_what_was_known_of_an_end_stays_known(thread: Thread, meter: MemoryMeter) -> None:
    """An end that is told again, when the group is gone, is the same one."""
    exit = ExitRecord(7, None, 9, 1.0)
    known = exit._replace(oom=True)

    assert Metering(meter, thread, lambda: 0.0).judged("web", exit, known) == known


def test_what_a_jail_was_given_is_not_looked_up(thread: Thread, meter: MemoryMeter) -> None:
    """Its groups are those that it was made with, for one end, unless it may have got others since."""
    exit = ExitRecord(7, None, 9, 1.0)
    metering = Metering(meter, thread, lambda: 0.0)
    metering.learn("web", ("/groups/web",))
    metering.judged("web", exit, None)
    metering.judged("web", exit, None)
    metering.learn("web", ())
    metering.learn("web", None)
    metering.judged("web", exit, None)

    assert meter.judged_by == [("/groups/web",), None, None]


def test_an_exit_for_want_of_memory_is_told_once(world) -> None:
    """By the event and in the facts, also by the next daemon, to which the keeper tells the exit again."""
    program = world.run()
    world.meter.ran_out_of["web"] = True

    world.keeper.end("web", None, 9)
    world.reactor.turn()

    assert [each for each in world.events if " exit " in each] == [
        f"web exit pid={program.pid} signal=9 oom=yes by=program"
    ]
    assert world.controller.facts("web").last_exit.oom is True

    world.meter.ran_out_of.clear()
    world.make_daemon()
    world.reactor.turn()
    assert world.controller.facts("web").last_exit.oom is True
    assert not [each for each in world.events if " exit " in each]


def test_many_jails_are_looked_at_some_at_a_time(world):
    """Others have their turn meanwhile."""
    for number in range(120):
        world.run(f"web{number:03}")
    found = []

    world.controller.measure(()).addCallback(found.append)
    assert found == []
    world.reactor.advance(0)

    assert [each.facts.id for each in found[0].jails] == [f"web{number:03}" for number in range(120)]
