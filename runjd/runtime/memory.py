"""
A runtime whose host is kept in memory, for tests of what is built on runtimes.

What it makes on the host is a set of :class:`~runjd.runtime.contract.Undo` in
``left``; each call is noted in ``calls``; ``fails_at`` lets one of them fail.
The init process is forked for real, as the code between fork and exec has to run
somewhere, but it is not isolated and the operating system is asked for nothing else.
"""

from __future__ import annotations

import os

from runjd.errors import RuntimeFailure, SpecError
from runjd.runtime.contract import Plan, Undo
from runjd.runtime.linux.steps import Note
from runjd.runtime.plain import PlainRuntime
from runjd.runtime.refusals import refuse, refuse_resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held
    from runjd.spec.model import Config, Process


class MemoryRuntime(PlainRuntime):
    """
    The runtime for tests.

    :param fails_at: the call that fails: ``prepare``, ``fork``, ``enter``, ``become``, ``join`` or ``remove``.
    :ivar calls: what this process asked for, in order.
    :ivar left: what is on the host now.
    """

    name = "memory"
    isolated = True

    def __init__(self, fails_at: str = "") -> None:
        super().__init__(os.geteuid(), gathers=False)
        self.fails_at = fails_at
        self.calls: list[str] = []
        self.left: set[Undo] = set()

    def plan(self, config: Config, bundle: str, id: str, directory: str = "") -> Plan:
        if config.process is None:
            raise SpecError("process", "is missing: there is nothing to run")
        refuse(config)
        refuse_resources(config)
        steps = tuple(Note(f"mount {each.destination}", f"mounts[{i}]") for i, each in enumerate(config.mounts))
        return Plan("memory", id, "", config.process, (Note(f"make {id}", ""),), steps, ("memory",))

    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        super().prepare(plan, made)
        for step in plan.host_steps:
            undo = Undo("forget", str(step))
            self.left.add(undo)
            made(undo)
        self._note("prepare")

    def fork(self, plan: Plan) -> int:
        self._note("fork")
        return super().fork(plan)

    def enter(self, plan: Plan, made: Callable[[Undo], None], hooks: Callable[[int], None]) -> None:
        for step in plan.jail_steps:
            made(Undo("forget", str(step)))
        super().enter(plan, made, hooks)
        self._note("enter")

    def become(self, process: Process) -> None:
        # Whoever runs the tests stays who he is.
        self._note("become")

    def join(self, held: Held, process: Process, confinement: bytes) -> None:
        self._note("join")
        super().join(held, process, confinement)

    def signal(self, held: Held, signum: int, everyone: bool) -> None:
        self._note(f"signal {signum}{' everyone' if everyone else ''}")
        super().signal(held, signum, everyone)

    def signal_rest(self, held: Held, signum: int) -> None:
        self._note(f"signal {signum} rest")
        super().signal_rest(held, signum)

    def remove(self, held: Held) -> None:
        self._note("remove")
        super().remove(held)
        for undo in reversed(held.undo):
            self.left.discard(undo)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self.fails_at:
            raise RuntimeFailure(call, "the test wants it to fail", "process" if call == "become" else "")
