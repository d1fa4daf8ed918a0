"""A keeper without processes; the test is the programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from runjd.errors import KeeperLost, NoSuchJail, RunjdError, WrongState, from_record
from runjd.policy.facts import ExitRecord
from runjd.protocols.keeperreplies import Exited, Found, Launched
from tests.supervise.program import Program

NOW = 1_795_446_080.102
TERM, KILL = 15, 9


class FakeKeeper:
    """
    A :class:`runjd.supervise.spawner.Spawner` without processes; it outlives daemons.

    :ivar asked: what it was asked, in words.
    :ivar next_error: what the next run or exec fails with.
    :ivar last_pid: of the last process; a test may set it back, as pids come again.
    :ivar held: starts that are not answered yet, if ``holds_starts``.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.programs: dict[tuple[str, str], Program] = {}
        self.jails: set[str] = set()
        self.next_error: RunjdError | None = None
        self.next_change_error: RunjdError | None = None
        self.next_delete_error: RunjdError | None = None
        self.holds_starts = False
        self.held: list[Callable[[], None]] = []
        self.held_delete: Deferred[None] | None = None
        self.terminals: set[str] = set()
        # by jail: terminals that are gone with their keeper, and those that a daemon handed over
        self.lost_terminals: set[str] = set()
        self.held_terminals: dict[str, os.stat_result] = {}
        self.leftovers: list[str] = []
        # by jail: programs that live, and that a damaged record hides from the keeper
        self.unknown: dict[str, Program] = {}
        self.notices: dict[str, tuple[str, ...]] = {}
        self.listener = None
        #: it is killed before it forgets what is acknowledged
        self.loses_acks = False
        self.unacknowledged: dict[tuple[str, str], Program] = {}
        self.last_pid = 100
        self._last_start = 0

    # --- Spawner ---------------------------------------------------------------

    def run(self, jail, bundle, runtime, *, stdin, size, note, ready="") -> Deferred[Launched]:
        self.asked.append(f"run {jail} {bundle} {runtime}{ready and ' ' + ready}")
        return self._launch(jail, "", size is not None, note, ready)

    def exec(self, jail, exec_id, process, *, stdin, size, note) -> Deferred[Launched]:
        self.asked.append(f"exec {jail} {exec_id} {' '.join(process['args'])}")
        return self._launch(jail, exec_id, process.get("terminal") is True, note)

    def signal(self, jail, signum, *, exec_id="", everyone=False) -> Deferred[None]:
        self.asked.append(f"signal {jail}{exec_id and ' ' + exec_id} {signum}{' everyone' if everyone else ''}")
        program = self.programs.get((jail, exec_id))
        if program is None or program.exit is not None:
            return _refused(WrongState("it is gone"))
        program.signals.append(signum)
        if (signum == KILL and not program.is_stuck) or signum not in program.ignores:
            self.end(jail, None, signum, exec_id=exec_id)
        return succeed(None)

    def change(self, jail, change) -> Deferred[None]:
        self.asked.append(f"{change} {jail}")
        error, self.next_change_error = self.next_change_error, None
        return _refused(error) if error is not None else succeed(None)

    def delete(self, jail, *, force=False) -> Deferred[None]:
        self.asked.append(f"delete {jail}{' force' if force else ''}")
        error, self.next_delete_error = self.next_delete_error, None
        if error is not None:
            return _refused(error)
        if jail not in self.jails:
            return _refused(NoSuchJail(jail))
        program = self.programs.get((jail, "")) or self.unknown.get(jail)
        if not force and program is not None and program.exit is None:
            return _refused(WrongState(f'cannot delete "{jail}": it is running', jail=jail))
        self.jails.discard(jail)
        if self.held_delete is not None:
            return self.held_delete
        for program in [each for each in self.programs.values() if each.jail == jail and each.exit is None]:
            self.end(jail, None, KILL, exec_id=program.exec_id)
        return succeed(None)

    def close_stdin(self, jail, exec_id="") -> Deferred[None]:
        self.asked.append(f"close_stdin {jail}")
        self.programs[jail, exec_id].close_stdin()
        return succeed(None)

    def stdin(self, jail, exec_id="") -> Deferred[int]:
        return maybeDeferred(self.programs[jail, exec_id].writing_end)

    def process(self, jail) -> Deferred[Mapping[str, object]]:
        return succeed({"args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 7, "gid": 8}})

    def hold(self, jail, pid, terminal) -> None:
        self.asked.append(f"hold {jail} {pid}")
        self.held_terminals[jail] = os.fstat(terminal())

    def settle(self, jail, pid) -> None:
        self.asked.append(f"settle {jail} {pid}")
        self.programs[jail, ""].settle()

    def ack(self, jail, exec_id, pid) -> None:
        self.asked.append(f"ack {jail}{exec_id and ' ' + exec_id} {pid}")
        if self.loses_acks:
            return
        program = self.programs.pop((jail, exec_id), None)
        if program is not None:
            assert program.exit is not None, "an exit was acknowledged that never was"
            program.close()

    def shutdown(self) -> Deferred[None]:
        self.asked.append("shutdown")
        if any(program.exit is None for program in self.programs.values()):
            return fail(WrongState("jails live"))
        return succeed(None)

    # --- what a test does -----------------------------------------------------------

    def end(self, jail, status=0, signal=None, exec_id="", at=NOW, leaves_grandchildren=False) -> None:
        """A program ends."""
        program = self.programs[jail, exec_id]
        if program.exit is not None:
            return
        program.exit = ExitRecord(program.pid, status, signal, at)
        program.finish(leaves_grandchildren)
        if self.listener is not None:
            self.listener.process_exited(Exited(jail, exec_id, program.exit, True))

    def answer(self) -> None:
        """Answer the starts that were held."""
        held, self.held = self.held, []
        for each in held:
            each()

    def hold_deletes(self) -> Callable[[], None]:
        """Answer the next deletion when what is returned is called."""
        held = self.held_delete = Deferred()

        def answer() -> None:
            self.held_delete = None
            held.callback(None)

        return answer

    def disconnect(self) -> None:
        """The daemon is gone, or the connection to it."""
        self.listener = None

    def connect(self, listener) -> None:
        """A daemon connects: it is told everything."""
        for program in list(self.programs.values()):
            self._tell(listener, program)
            if program.exit is not None:
                listener.process_exited(Exited(program.jail, program.exec_id, program.exit, True))
        for jail in self.leftovers:
            listener.leftover_found(jail)
        self.listener = listener
        listener.ready()

    def tell(self, jail, exec_id="") -> None:
        """Tell of a program."""
        self._tell(self.listener, self.programs[jail, exec_id])

    def _tell(self, listener, program) -> None:
        listener.process_found(
            Found(
                program.jail,
                program.exec_id,
                program.pid,
                program.start,
                0,
                program.terminal,
                True,
                program.note,
                {} if program.jail in self.lost_terminals else program.descriptors(),
                self.notices.get(program.jail, ()),
            )
        )

    def close(self) -> None:
        """Close all descriptors."""
        for program in self.programs.values():
            program.close()

    def _launch(self, jail, exec_id, terminal, note, ready="") -> Deferred[Launched]:
        error, self.next_error = self.next_error, None
        result: Deferred[Launched] = Deferred()

        def go() -> None:
            living = self.programs.get((jail, exec_id))
            if error is not None or (living is not None and living.exit is None):
                refusal = error or WrongState(f'"{exec_id or jail}" runs already', jail=jail)
                _refused(refusal).chainDeferred(result)
                return
            self._last_start += 1
            self.last_pid += 1
            self.jails.add(jail)
            is_terminal = terminal or jail in self.terminals
            program = Program(jail, exec_id, self.last_pid, self._last_start, is_terminal, note, ready)
            self.programs[jail, exec_id] = program
            result.callback(
                Launched(
                    program.pid,
                    program.start,
                    0,
                    program.terminal,
                    program.descriptors(),
                    ("no isolation",) * (not exec_id),
                )
            )

        if self.holds_starts:
            self.held.append(go)
        else:
            go()
        return result


def _refused(error: RunjdError) -> Deferred[Any]:
    """Return an error as it comes over the wire; that there is no keeper comes from nobody."""
    return fail(error if isinstance(error, KeeperLost) else from_record(error.to_record()))
