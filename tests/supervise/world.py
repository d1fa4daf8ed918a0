"""A daemon in memory: its controller, a reactor that turns when told, and a keeper that is only talked about."""

from __future__ import annotations

import itertools
import os
import select
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from runjd.errors import RunjdError
from runjd.interfaces import IViewer
from runjd.logs.contract import LogWriter
from runjd.logs.memory import MemoryWriter
from runjd.logs.writer import ThreadWriter
from runjd.policy.facts import Definition, ExitRecord, Upgraded
from runjd.runtime.meters.memory import MemoryMeter
from runjd.supervise.bundles import Bundles
from runjd.supervise.connection import AbsentKeeper
from runjd.supervise.controller import Controller
from runjd.supervise.definitions import Definitions
from runjd.supervise.events import EventLog
from runjd.supervise.logroom import LogRoom
from runjd.supervise.metering import Metering
from runjd.supervise.recall import Recall
from runjd.supervise.site import Site
from runjd.supervise.vigil import Vigil
from runjd.supervise.wishes import Wishes
from tests.supervise.eyes import Eyes
from tests.supervise.fakekeeper import KILL, NOW, TERM, FakeKeeper
from tests.supervise.program import Program

__all__ = ["KILL", "NOW", "TERM", "World"]


class TurningReactor(Clock):
    """A clock that also watches real descriptors, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set = set()
        self.writers: set = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard

    def callLater(self, when, what, *args, **keywords):
        """Call it later; like the real reactor, and unlike a clock, never before now."""
        assert when >= 0, f"{when} seconds are in the past"
        return super().callLater(when, what, *args, **keywords)

    def turn(self, seconds: float = 0.0) -> None:
        """Let time go by, and deal with everything that is ready, until nothing is."""
        self.advance(seconds)
        for _ in range(100):
            if not self._turn_once():
                return
        raise AssertionError("the reactor spins")

    def _turn_once(self) -> bool:
        poll = select.poll()
        for reader in self.readers:
            poll.register(reader.fileno(), select.POLLIN)
        ready = {fd: mask for fd, mask in poll.poll(0) if mask}
        for reader in list(self.readers):
            if reader in self.readers and (mask := ready.get(reader.fileno(), 0)):
                if mask & select.POLLIN:
                    reader.doRead()
                else:
                    self.readers.discard(reader)
                    reader.connectionLost(None)
        poll = select.poll()
        for writer in self.writers:
            poll.register(writer.fileno(), select.POLLOUT)
        writable = {fd for fd, _ in poll.poll(0)}
        for writer in list(self.writers):
            if writer in self.writers and writer.fileno() in writable:
                writer.doWrite()
        return bool(ready or writable)


class ImmediateWriter(ThreadWriter):
    """Writes files as the thread does, but without a thread."""

    def __init__(self) -> None:
        super().__init__(lambda call: call(), lambda path, error: None)
        self.worked_on: set = set()

    def stop(self) -> None:
        for file in self.worked_on:
            file.let_go()

    def give(self, file) -> None:
        told: list = []
        self.worked_on.add(file)
        file.work(told, self._trouble)
        for call in told:
            call()


class World:
    """
    One daemon after another on one keeper.

    :param writer: of the logs; in memory unless they are to be read.
    :ivar left: how often the daemon wanted to end.
    """

    def __init__(self, directory: str, writer: LogWriter | None = None) -> None:
        for name in ("jails", "logs", "wishes"):
            os.mkdir(f"{directory}/{name}", 0o700)
        self.directory = directory
        self.meter = MemoryMeter()
        self.path = Path(directory)
        self.keeper = FakeKeeper()
        self.reactor = TurningReactor()
        self.writer = writer or MemoryWriter()
        self.now = NOW
        self.left = 0
        self.boot = "b1"
        self.luck = 0.0
        self.site: Site | None = None
        self.removes_at_once: Callable[[str], bool] = lambda jail: False
        self.orphans: dict[tuple[str, str], Program] = {}
        self.lives = itertools.count(1)
        self.make_daemon()

    def make_daemon(self, connects: bool = True) -> None:
        """A new life of the daemon; the old one is just forgotten."""
        self.keeper.disconnect()
        if self.site is not None:
            self.site.vigil.stop()
        for reader in list(self.reactor.readers):
            reader.close()
        for call in self.reactor.getDelayedCalls():
            if call.getTime() > self.reactor.seconds():
                call.cancel()
        self.reactor.advance(0)
        events = EventLog(lambda: self.now)
        definitions = Definitions(f"{self.directory}/jails", self.boot)
        wishes = Wishes(f"{self.directory}/wishes")
        self.site = Site(
            self.reactor,
            lambda: self.now,
            AbsentKeeper(),
            events,
            LogRoom(f"{self.directory}/logs", self.writer, self.reactor, lambda: self.now, maybeDeferred),
            definitions,
            wishes,
            maybeDeferred,
            Bundles(f"{self.directory}/bundles", lambda path, call, *words: maybeDeferred(call, *words)),
            Vigil(self.reactor, self._open_eyes, lambda: self.now),
            f"7f3a9{next(self.lives)}",
            self.reactor.seconds,
            lambda: self.luck,
            Metering(self.meter, maybeDeferred, self.reactor.seconds),
            lambda jail: succeed(self.removes_at_once(jail)),
        )
        self.site.vigil.start()
        self.controller = Controller(
            self.site, Recall(definitions, wishes), ("linux", "plain"), self.keeper.shutdown, self._leave, self._upgrade
        )
        self.events: list[str] = []
        self.site.events.subscribe(lambda event: self.events.append(words_of(event)))
        if connects:
            self.connect()

    def connect(self) -> None:
        """Connect to the keeper."""
        self.site.spawner = self.keeper
        self.keeper.connect(self.controller.listener)

    def lose_keeper(self) -> None:
        """The connection to the keeper breaks."""
        self.site.spawner = AbsentKeeper()
        self.keeper.disconnect()
        self.controller.listener.keeper_lost("it closed the connection")

    def kill_keeper(self) -> None:
        """The keeper is killed; its jails live on, and the next one will know nothing of them."""
        self.keeper.programs, self.orphans = {}, self.keeper.programs
        self.lose_keeper()

    def take_in(self) -> None:
        """The next keeper found the orphans in the state directory."""
        self.keeper.programs = {key: each for key, each in self.orphans.items() if not each.exec_id and not each.exit}
        self.connect()

    def take_nothing_in(self) -> None:
        """The next keeper found nobody that lives."""
        self.connect()

    def end_orphan(self, id: str = "web", status: int | None = 0, signal: int | None = None) -> None:
        """A jail whose keeper was killed ends; only the daemon sees it."""
        program = self.orphans[id, ""]
        program.exit = ExitRecord(program.pid, status, signal, self.now)
        program.finish()
        self.eyes.see(program.pid, status, signal)

    def run(self, id: str = "web", **options):
        """Run a jail; return its program."""
        result = self.controller.run(Definition(id, "/bundles/" + id, "", **options), "uid:0")
        value(result)
        return self.keeper.programs[id, ""]

    def log(self, id: str = "web") -> str:
        """Return the texts of a jail's log, with F or P and the stream."""
        lines = bytes(self.writer.files.get(f"{self.directory}/logs/{id}.log", b"")).decode().splitlines()
        return " | ".join(line.partition(" ")[2] for line in lines)

    def close(self) -> None:
        """Close all descriptors."""
        self.site.vigil.stop()
        for reader in list(self.reactor.readers):
            reader.close()
        self.reactor.advance(0)
        self.keeper.close()
        for program in self.orphans.values():
            program.close()
        self.writer.stop()

    def _upgrade(self, by: str) -> Deferred[Upgraded]:
        return succeed(Upgraded("1.0", "2.0", "1.0", "2.0"))

    def _leave(self) -> None:
        self.left += 1

    def _open_eyes(self) -> Eyes:
        self.eyes = Eyes()
        return self.eyes


@implementer(IViewer)
class Viewer:
    """Writes down what it is shown."""

    def __init__(self) -> None:
        self.shown = {"out": b"", "err": b""}
        self.lost = 0
        self.ends: list[ExitRecord | None] = []
        self.turns: list[tuple[bool, str]] = []
        self.dismissals: list[str] = []

    def out(self, data: bytes) -> None:
        self.shown["out"] += data

    def err(self, data: bytes) -> None:
        self.shown["err"] += data

    def gap(self, lost: int) -> None:
        self.lost += lost

    def ended(self, exit: ExitRecord | None) -> None:
        self.ends.append(exit)

    def input_changed(self, types: bool, by: str) -> None:
        self.turns.append((types, by))

    def dismissed(self, by: str) -> None:
        self.dismissals.append(by)


def words_of(event) -> str:
    """Return an event as words."""
    return " ".join([event.jail or "-", event.ev, *(f"{key}={value}" for key, value in event.details)])


def value(deferred):
    """Return the result of a Deferred that has fired, or raise its error."""
    results: list = []
    deferred.addCallbacks(lambda result: results.append((result, None)), lambda failed: results.append((None, failed)))
    assert results, "it has not fired"
    result, failed = results[0]
    if failed is not None:
        failed.raiseException()
    return result


def error_of(deferred) -> RunjdError:
    """Return the error of a Deferred that has failed."""
    try:
        found = value(deferred)
    except RunjdError as error:
        return error
    raise AssertionError(f"it did not fail: {found}")


def has_fired(deferred) -> bool:
    """Return whether a Deferred has a result."""
    return deferred.called
