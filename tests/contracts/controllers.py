"""Two controllers, and how a test is their programs."""

from twisted.internet.task import Clock

from runjd.errors import RunjdError
from runjd.policy.facts import Definition
from runjd.policy.usage import Usage
from runjd.supervise.memory import MemoryController
from tests.supervise.world import TERM, ImmediateWriter, World, value, words_of


class Real:
    """The controller of the daemon."""

    def __init__(self, directory: str) -> None:
        self.world = World(directory, ImmediateWriter())
        self.controller = self.world.controller

    def output(self, data: bytes, stream: str = "out", exec_id: str = "") -> None:
        self.world.keeper.programs["web", exec_id].output(data, stream)
        self.world.reactor.turn()

    def exit(self, status: int | None = 0, signal: int | None = None, exec_id: str = "") -> None:
        self.world.keeper.end("web", status, signal, exec_id)
        self.world.reactor.turn()

    def uses(self, id: str, usage: Usage) -> None:
        self.world.meter.usages[id] = usage

    def typed(self, exec_id: str = "") -> bytes:
        return self.world.keeper.programs["web", exec_id].typed() or b""

    def fail_next_start(self, error: RunjdError) -> None:
        self.world.keeper.next_error = error

    def ignore_term(self) -> None:
        self.world.keeper.programs["web", ""].ignores.add(TERM)

    def slow_starts(self) -> None:
        self.world.keeper.holds_starts = True

    def turn(self, seconds: float = 0.0) -> None:
        if seconds:
            self.world.keeper.answer()
        self.world.reactor.turn(seconds)

    def close(self) -> None:
        self.world.close()


class Memory:
    """The controller without processes."""

    def __init__(self, directory: str) -> None:
        self.clock = Clock()
        self.controller = MemoryController(self.clock)

    def output(self, data: bytes, stream: str = "out", exec_id: str = "") -> None:
        self.controller.output("web", data, stream, exec_id)

    def exit(self, status: int | None = 0, signal: int | None = None, exec_id: str = "") -> None:
        self.controller.exit("web", status, signal, exec_id)

    def uses(self, id: str, usage: Usage) -> None:
        self.controller.usages[id] = usage

    def typed(self, exec_id: str = "") -> bytes:
        return self.controller.typed("web", exec_id)

    def fail_next_start(self, error: RunjdError) -> None:
        self.controller.next_start_error = error

    def ignore_term(self) -> None:
        self.controller.ignores_term = True

    def slow_starts(self) -> None:
        self.controller.start_delay = 1.0

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)

    def close(self) -> None:
        pass


def definition(id: str = "web", **options) -> Definition:
    """Return a definition."""
    return Definition(id, f"/bundles/{id}", "", **options)


def run(bench, **options):
    """Run the jail web."""
    return value(bench.controller.run(definition(**options), "uid:1001"))


def heard(bench) -> list[str]:
    """Return the events so far, without their pids."""
    _, events = bench.controller.events.since(0)
    return [" ".join(word for word in words_of(event).split() if not word.startswith("pid=")) for event in events]
