"""
A controller without processes, for the tests of the protocols on top of it.

The scripted program of every jail echoes its input; three lines make it do more::

    exit 3          end with status 3
    err some text   write "some text" and a newline to standard error
    burst 100000    write so many bytes to standard output

End of input ends it with status 0, SIGTERM and other fatal signals kill it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import AlreadyExists, BadArgument, Cancelled, Gone, NotFound, RunjdError, WrongState
from runjd.interfaces import IController, ILog, ISession, IViewer
from runjd.policy.facts import Definition, ExitRecord, Facts, SessionFacts, Upgraded
from runjd.policy.plan import PlanStep, plan
from runjd.policy.usage import Measured, Measurement, Usage
from runjd.policy.waiting import standing_of
from runjd.spec.ids import check_id
from runjd.spec.model import Process
from runjd.supervise.causes import PROGRAM
from runjd.supervise.events import EventLog, exit_details
from runjd.supervise.execends import ExecEnds
from runjd.supervise.guestbook import GuestBook
from runjd.supervise.memorylog import MemoryLog
from runjd.supervise.memoryprogram import MemoryProgram
from runjd.supervise.sessions import Session, Visit, input_of
from runjd.supervise.suggest import no_such_jail

_SIGKILL = 9
_SIGTERM = 15


@implementer(IController)
class MemoryController:
    """
    Jails that are only talked about.

    Beyond :class:`IController` a test may write as a program
    (:meth:`output`), end one (:meth:`exit`), make the next start fail
    (:attr:`next_start_error`), make starts slow (:attr:`start_delay`, seconds
    of the clock), and make programs survive SIGTERM (:attr:`ignores_term`).

    :param clock: for delays and time limits.
    :param now: wall time in seconds.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float] = lambda: 1_763_910_080.102,
        run_id: str = "7f3a91",
        runtimes: Sequence[str] = ("memory",),
    ) -> None:
        self.run_id = run_id
        self.runtimes = tuple(runtimes)
        self.events = EventLog(now)
        self.degraded = ""
        self.start_delay = 0.0
        self.next_start_error: RunjdError | None = None
        self.ignores_term = False
        #: how often and in which mode a shutdown was asked for
        self.shutdowns: list[str] = []
        #: what a test says that jails use
        self.usages: dict[str, Usage] = {}
        #: jails that a test takes for those of a configuration
        self.configured: set[str] = set()
        self._clock = clock
        self._now = now
        self._jails: dict[str, _Jail] = {}
        self._last_pid = 2209
        self._guests = GuestBook()
        self._exec_ends = ExecEnds()
        self._waiting: list[tuple[str, str, Deferred[Facts]]] = []

    # --- what a test does in the place of a program -----------------------

    def output(self, id: str, data: bytes, stream: str = "out", exec_id: str = "") -> None:
        """The program of the jail (or of its exec process) writes."""
        self._program(id, exec_id).output(stream, data)

    def exit(self, id: str, status: int | None = 0, signal: int | None = None, exec_id: str = "") -> None:
        """The program of the jail (or of its exec process) ends."""
        self._program(id, exec_id).end(status, signal)

    def typed(self, id: str, exec_id: str = "") -> bytes:
        """Return all that was written to the program so far."""
        return bytes(self._program(id, exec_id).typed)

    def stop_reading(self, id: str, exec_id: str = "") -> Deferred[None]:
        """The program reads no more input until the test fires what is returned."""
        program = self._program(id, exec_id)
        reads_again: Deferred[None] = Deferred()
        program.reads_again = reads_again

        def again(result: None) -> None:
            program.reads_again = None

        return reads_again.addCallback(again)

    def size(self, id: str, exec_id: str = "") -> tuple[int, int] | None:
        """Return (rows, columns) of the program's terminal as last set."""
        return self._program(id, exec_id).size

    # --- IController -------------------------------------------------------

    def jails(self) -> Sequence[Facts]:
        return [self.facts(each) for each in sorted(self._jails)]

    def facts(self, id: str) -> Facts:
        return self._jail(id).facts()._replace(is_configured=id in self.configured)

    def measure(self, ids: Sequence[str]) -> Deferred[Measurement]:
        try:
            jails = [self._jail(id) for id in ids or sorted(self._jails)]
        except RunjdError as error:
            return fail(error)
        return succeed(
            Measurement(
                self._clock.seconds(),
                tuple([Measured(jail.facts(), self._usage(jail), jail.log.taken) for jail in jails]),
            )
        )

    def _usage(self, jail: _Jail) -> Usage | None:
        return self.usages.get(jail.definition.id) if jail.program is not None else None

    def plan(self, ids: Sequence[str]) -> Sequence[PlanStep]:
        for id in ids:
            self._jail(id)
        return plan({each.id: standing_of(each) for each in self.jails()}, ids or None)

    def run(self, definition: Definition, by: str) -> Deferred[Facts]:
        try:
            check_id(definition.id)
            if definition.id in self._jails:
                raise AlreadyExists(definition.id)
            if definition.runtime and definition.runtime not in self.runtimes:
                raise BadArgument(f'no runtime named "{definition.runtime}"; there is {", ".join(self.runtimes)}')
        except RunjdError as error:
            return fail(error)
        jail = _Jail(definition)
        self._jails[definition.id] = jail
        self.events.emit(definition.id, "defined", {"by": by, "bundle": definition.bundle})

        def undo(failure: Failure) -> Failure:
            if not isinstance(failure.value, Cancelled):
                self._forget(jail, by)
            return failure

        started = self.start(definition.id, by)
        started.addErrback(undo)
        return started

    def start(self, id: str, by: str, is_once: bool = False) -> Deferred[Facts]:
        try:
            jail = self._jail(id)
        except RunjdError as error:
            return fail(error)
        jail.want = "once" if is_once else "up"
        if jail.phase in ("starting", "running"):
            return self.wait(id, "started")
        jail.by = by
        self._move(jail, "starting", by=by)
        started = self.wait(id, "started")
        if self.start_delay:
            self._clock.callLater(self.start_delay, self._started, jail)
        else:
            self._started(jail)
        return started

    def stop(self, id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        try:
            jail = self._jail(id)
        except RunjdError as error:
            return fail(error)
        jail.want, jail.by = "down", by
        program = jail.program
        if program is None and jail.phase != "starting":
            return succeed(jail.facts())
        stopped = self.wait(id, "stopped")
        if jail.is_paused:
            self._change(id, False, by)
        self._move(jail, "stopping", by=by)
        if program is None:
            gone = Gone(f'jail "{id}" was stopped before it ran', jail=id)
            self._fire(id, lambda until: until != "stopped", gone)
            return stopped
        if self.ignores_term:
            self._clock.callLater(10.0 if timeout is None else timeout, program.signal, _SIGKILL)
        else:
            program.signal(_SIGTERM)
        return stopped

    def restart(self, id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        stopped = self.stop(id, by, timeout)
        return stopped.addCallback(lambda _: self.start(id, by))

    def try_restart(self, id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        try:
            jail = self._jail(id)
        except RunjdError as error:
            return fail(error)
        return succeed(jail.facts()) if jail.program is None else self.restart(id, by, timeout)

    def reset(self, id: str, by: str) -> Facts:
        jail = self._jail(id)
        if jail.phase == "failed":
            jail.reason = ""
            self._move(jail, "idle", by=by)
        return jail.facts()

    def enable(self, id: str, by: str, is_enabled: bool) -> Deferred[Facts]:
        try:
            jail = self._jail(id)
        except RunjdError as error:
            return fail(error)
        if jail.enabled is not is_enabled:
            jail.enabled = is_enabled
            self.events.emit(id, "changed", {"by": by})
        return succeed(jail.facts())

    def pause(self, id: str, by: str) -> Deferred[Facts]:
        return self._change(id, True, by)

    def resume(self, id: str, by: str) -> Deferred[Facts]:
        return self._change(id, False, by)

    def kill(self, id: str, signum: int, by: str, everyone: bool = False, exec_id: str = "") -> Deferred[None]:
        try:
            program = self._program(id, exec_id)
        except RunjdError as error:
            return fail(error)
        self.events.emit(id, "kill", {"signal": signum, "exec": exec_id, "by": by})
        program.signal(signum)
        return succeed(None)

    def delete(self, id: str, by: str, force: bool = False) -> Deferred[None]:
        try:
            jail = self._jail(id)
            if jail.program is not None:
                if not force:
                    raise WrongState(f'jail "{id}" is running; stop it first, or delete it with force', jail=id)
                jail.program.signal(_SIGKILL)
        except RunjdError as error:
            return fail(error)
        self._forget(jail, by)
        return succeed(None)

    def wait(self, id: str, until: str) -> Deferred[Facts]:
        try:
            jail = self._jail(id)
            if until not in ("started", "ready", "stopped"):
                raise BadArgument(f'cannot wait until "{until}"; there is started, ready, stopped')
        except RunjdError as error:
            return fail(error)
        if jail.has_reached(until):
            return succeed(jail.facts())

        def cancel(waiting: Deferred[Facts]) -> None:
            self._waiting[:] = [each for each in self._waiting if each[2] is not waiting]
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[Facts] = Deferred(cancel)
        self._waiting.append((id, until, waiting))
        return waiting

    def log(self, id: str) -> ILog:
        return self._jail(id).log

    def attach(
        self, id: str, viewer: IViewer, by: str, exec_id: str = "", input: str = "free", lossless: bool = False
    ) -> ISession:
        program = self._program(id, exec_id)
        is_open = self._jail(id).definition.stdin or program.terminal or bool(exec_id)
        how = input_of(id, input, is_open)
        kind = "run" if lossless else "attach"
        visit = Visit(kind, id, program.pid, program.terminal, by, self._now(), exec_id, how, lossless)
        return Session(self._guests, program.viewers, program, viewer, visit)

    def exec(
        self, id: str, process: Process, viewer: IViewer, by: str, stdin: bool, detached: bool = False
    ) -> Deferred[ISession]:
        try:
            self._program(id)
            if not process.args[0].startswith("/") and "/" in process.args[0]:
                raise NotFound(f'"{process.args[0]}" is not a program of jail "{id}"', jail=id)
        except RunjdError as error:
            return fail(error)
        jail = self._jail(id)
        exec_id = f"x{len(jail.execs) + 1}"
        program = MemoryProgram(self._new_pid(), process.terminal, self._now, None)
        jail.execs[exec_id] = program

        def ended(exit: ExitRecord) -> None:
            self._exec_ends.remember(id, exec_id, exit)
            self.events.emit(id, "exit", exit_details(exit, exec_id))
            waiting, program.waiting = program.waiting, []
            for each in waiting:
                each.callback(exit)

        program.ended = ended
        self.events.emit(id, "exec", {"exec": exec_id, "pid": program.pid, "by": by})
        how = "yes" if stdin or process.terminal else "no"
        visit = Visit(
            "exec", id, program.pid, process.terminal, by, self._now(), exec_id, how, lossless=True, owner=not detached
        )
        return succeed(Session(self._guests, program.viewers, program, viewer, visit))

    def wait_exec(self, id: str, exec_id: str) -> Deferred[ExitRecord]:
        try:
            program = self._jail(id).execs.get(exec_id)
            if program is None or program.exited:
                return succeed(self._exec_ends.find(id, exec_id))
        except RunjdError as error:
            return fail(error)

        def cancel(waiting: Deferred[ExitRecord]) -> None:
            program.waiting[:] = [each for each in program.waiting if each is not waiting]
            waiting.errback(Cancelled("no longer waited for"))

        program.waiting.append(Deferred(cancel))
        return program.waiting[-1]

    def sessions(self, id: str = "") -> Sequence[SessionFacts]:
        if id:
            self._jail(id)
        return self._guests.facts(id)

    def close_session(self, number: int, by: str) -> SessionFacts:
        return self._guests.dismiss(number, by)

    def resize(self, id: str, exec_id: str, rows: int, columns: int) -> None:
        program = self._program(id, exec_id)
        if not program.terminal:
            raise WrongState(f'jail "{id}" has no terminal there', jail=id)
        program.resize(rows, columns)

    def exec_defaults(self, id: str) -> Deferred[Process]:
        try:
            self._jail(id)
        except RunjdError as error:
            return fail(error)
        return succeed(Process(args=("/bin/echo-program",), env=("PATH=/bin:/usr/bin",)))

    def shutdown(self, mode: str, by: str) -> Deferred[None]:
        if mode not in ("keep", "stop"):
            return fail(BadArgument(f'no shutdown named "{mode}"; there is keep, stop'))
        self.shutdowns.append(mode)
        if mode == "stop":
            for each in list(self._jails):
                self.stop(each, by)
        return succeed(None)

    def upgrade(self, by: str) -> Deferred[Upgraded]:
        return succeed(Upgraded("1.0", "2.0", "1.0", "2.0"))

    # --- inside --------------------------------------------------------------

    def _jail(self, id: str) -> _Jail:
        try:
            return self._jails[id]
        except KeyError:
            raise no_such_jail(id, self._jails) from None

    def _change(self, id: str, is_paused: bool, by: str) -> Deferred[Facts]:
        try:
            self._program(id)
        except RunjdError as error:
            return fail(error)
        jail = self._jail(id)
        if jail.is_paused is not is_paused:
            jail.is_paused = is_paused
            self.events.emit(id, "pause", {"paused": "yes" if is_paused else "no", "by": by})
        return succeed(self.facts(id))

    def _program(self, id: str, exec_id: str = "") -> MemoryProgram:
        jail = self._jail(id)
        program = jail.execs.get(exec_id) if exec_id else jail.program
        if exec_id and (program is None or program.exited):
            raise NotFound(f'jail "{id}" has no exec process "{exec_id}"', jail=id, exec=exec_id)
        if program is None:
            raise WrongState(f'jail "{id}" is not running', jail=id)
        return program

    def _new_pid(self) -> int:
        self._last_pid += 1
        return self._last_pid

    def _started(self, jail: _Jail) -> None:
        if jail.phase not in ("starting", "stopping"):
            return
        error, self.next_start_error = self.next_start_error, None
        if error is not None:
            jail.reason = str(error)
            self._move(jail, "failed", by=jail.by, reason=jail.reason)
            self._fire(jail.definition.id, lambda until: until != "stopped", error)
            return
        program = MemoryProgram(self._new_pid(), jail.definition.size is not None, self._now, jail.log)
        program.ended = lambda exit: self._ended(jail, exit)
        jail.program = program
        jail.started_at = self._now()
        jail.reason = ""
        if jail.want == "down":
            program.signal(_SIGTERM)
        else:
            self._move(jail, "running", by=jail.by, pid=program.pid)

    def _ended(self, jail: _Jail, exit: ExitRecord) -> None:
        jail_id = jail.definition.id
        jail.program = None
        jail.last_exit = exit
        if jail.want == "once":
            jail.want = "down"
        if jail.phase != "stopping":
            jail.by = PROGRAM
        for program in list(jail.execs.values()):
            program.end(None, _SIGKILL)
        self.events.emit(jail_id, "exit", {**exit_details(exit), "by": jail.by}, at=exit.at)
        self._move(jail, "idle", by=jail.by)
        if jail.definition.remove:
            self._forget(jail, jail.by)

    def _forget(self, jail: _Jail, by: str) -> None:
        jail_id = jail.definition.id
        if self._jails.get(jail_id) is jail:
            del self._jails[jail_id]
            self.events.emit(jail_id, "deleted", {"by": by})
            self._fire(jail_id, lambda until: True, Gone(f'jail "{jail_id}" was deleted', jail=jail_id))

    def _move(self, jail: _Jail, phase: str, **details: object) -> None:
        before, jail.phase = jail.phase, phase
        self.events.emit(jail.definition.id, "state", {"from": before, "to": phase, **details})
        self._fire(jail.definition.id, jail.has_reached, jail.facts())

    def _fire(self, id: str, is_met: Callable[[str], bool], result: Facts | RunjdError) -> None:
        met = [each for each in self._waiting if each[0] == id and is_met(each[1])]
        self._waiting = [each for each in self._waiting if each not in met]
        for _id, _until, waiting in met:
            if isinstance(result, RunjdError):
                waiting.errback(result)
            else:
                waiting.callback(result)


class _Jail:
    """One jail."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.want = "down"
        self.enabled: bool | None = None
        self.by = ""
        self.phase = "idle"
        self.reason = ""
        self.started_at = 0.0
        self.program: MemoryProgram | None = None
        self.last_exit: ExitRecord | None = None
        self.execs: dict[str, MemoryProgram] = {}
        self.log = MemoryLog()
        self.is_paused = False

    def has_reached(self, until: str) -> bool:
        if until == "stopped":
            return self.phase in ("idle", "failed")
        return self.phase == "running"

    def facts(self) -> Facts:
        program = self.program
        return Facts(
            id=self.definition.id,
            want=self.want,
            status=("paused" if self.is_paused else "running") if program else "stopped" if self.last_exit else "-",
            phase=self.phase,
            ready="yes" if self.phase == "running" else "no",
            health="-",
            definition=self.definition,
            terminal=self.definition.size is not None,
            pid=program.pid if program else 0,
            started_at=self.started_at if program else 0.0,
            last_exit=self.last_exit,
            reason=self.reason,
            enabled=self.enabled,
        )
