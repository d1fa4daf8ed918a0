"""Asking a jail, and again."""

from __future__ import annotations

from contextlib import suppress

import pytest

from runjd.errors import KeeperLost, WrongState
from runjd.policy.settings import Probe
from runjd.supervise.connection import AbsentKeeper
from runjd.supervise.probes.answer import Answer
from runjd.supervise.probes.prober import Prober
from tests.supervise.world import World

PROBE = Probe("exec", command=("/bin/healthy", "-v"), timeout=2.0)


class Bench:
    """A prober of a jail whose program is talked about only."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keeper = world.keeper
        world.run("web")
        self.execs = world.controller._jails["web"].execs
        self.heard: list[Answer] = []
        self.prober = Prober(world.site, "web", self.execs, PROBE, 10.0, self.heard.append)
        self.prober.start(0.0)
        world.reactor.turn()

    @property
    def program(self) -> str:
        """The one probe that runs, by its name."""
        (name,) = [exec_id for jail, exec_id in self.keeper.programs if exec_id]
        return name

    @property
    def asked(self) -> int:
        """How often a program was asked for."""
        return sum(each.startswith("exec web probe") for each in self.keeper.asked)

    def end(self, status: int | None = 0, signal: int | None = None) -> None:
        """The probe ends."""
        self.keeper.end("web", status, signal, exec_id=self.program)
        self.world.reactor.turn()


@pytest.fixture
def bench(world: World) -> Bench:
    """Return a prober that has asked."""
    return Bench(world)


def test_a_program_runs_as_the_jail_does(bench):
    """Its command is the probe's, its user and environment are those of the jail's own program."""
    assert bench.keeper.asked[-1].split()[3:] == ["/bin/healthy", "-v"]
    bench.end()
    assert bench.heard == [Answer(True, "exit 0")]


def test_the_first_line_of_what_it_says_is_kept(bench):
    """Clean, short, and from either stream."""
    bench.keeper.programs["web", bench.program].output(b"db: no \x1b[1mreplica\nmore\n", "err")
    bench.end(1)
    assert bench.heard == [Answer(False, "exit 1: db: no  [1mreplica")]


def test_one_question_each_interval(bench, world):
    """The next begins an interval after the last began, and what the jail's program is like is asked for once."""
    world.reactor.turn(1.0)
    bench.end()
    world.reactor.turn(8.9)
    assert bench.asked == 1
    world.reactor.turn(0.1)
    assert bench.asked == 2
    bench.end()


def test_a_probe_that_hangs_is_killed_and_is_a_no(bench, world):
    """Its time is up after its timeout, not after the jail's patience."""
    program = bench.program
    world.reactor.turn(2.0)
    assert bench.heard == [Answer(False, "no answer within 2 s")]
    assert f"signal web {program} 9" in bench.keeper.asked
    world.reactor.turn()
    assert bench.execs == {}


def test_what_cannot_be_killed_does_not_pile_up(bench, world):
    """While a killed probe is not gone no other one is begun, and each interval is a no."""
    program = bench.keeper.programs["web", bench.program]
    program.ignores.add(9)
    program.is_stuck = True
    for _ in range(5):
        world.reactor.turn(10.0)
    assert bench.asked == 1
    assert [each.is_yes for each in bench.heard] == [False] * len(bench.heard)
    assert "not gone yet" in bench.heard[-1].text
    bench.end(None, 9)
    world.reactor.turn(10.0)
    assert bench.asked == 2
    bench.end()
    assert bench.heard[-1].is_yes


def test_a_flood_of_output_is_not_read(bench, world):
    """A probe that writes without end fills its pipe, waits, and is killed like any that hangs."""
    program = bench.keeper.programs["web", bench.program]
    for _ in range(3):
        program.output(b"x" * 60_000)
        world.reactor.turn()
    with suppress(BlockingIOError):
        while True:
            program.output(b"x" * 4096)
    world.reactor.turn()
    with pytest.raises(BlockingIOError):
        program.output(b"x" * 4096)


def test_stopped_it_asks_no_more(bench, world):
    """The probe that runs is killed, and nothing is heard of it."""
    bench.prober.stop()
    world.reactor.turn(100.0)
    assert bench.heard == []
    assert bench.asked == 1
    assert bench.execs == {}


def test_a_probe_that_cannot_run_is_a_no(bench, world):
    """A program that is not there says something of the jail."""
    bench.end()
    bench.keeper.next_error = WrongState("no such program")
    world.reactor.turn(10.0)
    assert bench.heard[-1] == Answer(False, "no such program")


def test_a_keeper_that_is_away_says_nothing_of_the_jail(bench, world):
    """Who cannot ask hears no no: the answer does not count, before and after the probe began."""
    bench.keeper.disconnect()
    world.controller.listener.keeper_lost("killed")
    assert bench.heard[-1].counts is False
    world.site.spawner = AbsentKeeper()
    world.reactor.turn(10.0)
    assert bench.heard[-1] == Answer(False, str(KeeperLost("the keeper is not connected at this moment")), counts=False)


def test_nothing_is_emitted_for_probes(bench, world):
    """A thousand jails that are probed do not flood whoever subscribed."""
    before = world.site.events.last_seq
    bench.end(1)
    world.reactor.turn(10.0)
    bench.end()
    assert world.site.events.last_seq == before
