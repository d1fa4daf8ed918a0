"""Everything the daemon can do with jails, on the keeper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import AlreadyExists, BadArgument, Busy, Cancelled, Gone, KeeperLost, NotFound, RunjdError, WrongState
from runjd.interfaces import IController, ILog, ISession, IViewer
from runjd.policy.facts import Definition, ExitRecord, Facts, SessionFacts, Upgraded
from runjd.policy.plan import PlanStep, plan
from runjd.policy.settings import Settings
from runjd.policy.usage import Measurement
from runjd.policy.waiting import standing_of
from runjd.spec.ids import check_id
from runjd.spec.model import Process
from runjd.supervise.adopt import Adoption
from runjd.supervise.causes import WANT
from runjd.supervise.commands import Commands, tried
from runjd.supervise.definitions import Known
from runjd.supervise.execdefaults import ExecDefaults
from runjd.supervise.execution import execute, explained_by_end
from runjd.supervise.farewell import let_go, note_ends
from runjd.supervise.jail import Jail
from runjd.supervise.portrait import measurement
from runjd.supervise.recall import Recall
from runjd.supervise.sessions import Session, Visit, input_of
from runjd.supervise.shutdown import LIMIT, Shutdown
from runjd.supervise.site import Site
from runjd.supervise.suggest import no_such_jail
from runjd.supervise.waiters import UNTIL, has_reached
from runjd.supervise.watched import WatchedProcess, check_size


@implementer(IController)
class Controller:
    """
    The jails of one daemon.

    :param site: what they share.
    :param recall: what is remembered of jails.
    :param runtimes: names; the first is the default.
    :param end_keeper: ends the keeper; fails with STATE while a jail lives.
    :param leave: ends the daemon, once the answer to a shutdown could be sent.
    :param upgrade: replaces keeper and daemon, for somebody.
    :ivar listener: hears the keeper.
    :ivar shutdown_limit: seconds within which a shutdown stops all jails.
    """

    _log = Logger()

    def __init__(
        self,
        site: Site,
        recall: Recall,
        runtimes: Sequence[str],
        end_keeper: Callable[[], Deferred[None]],
        leave: Callable[[], None],
        upgrade: Callable[[str], Deferred[Upgraded]],
    ) -> None:
        self.run_id = site.run_id
        self.events = site.events
        self.runtimes = tuple(runtimes)
        self._site = site
        self._end_keeper = end_keeper
        self._leave = leave
        self._upgrade = upgrade
        self._is_ready = False
        self._is_leaving = False
        self._commands = Commands(site.lasting, site.order)
        self.shutdown_limit = LIMIT
        self._has_left = False
        self._shutdowns: list[Deferred[None]] = []
        self._was_lost = False
        self._ready_waiters: list[Deferred[None]] = []
        self._last_exec = 0
        self._exec_defaults = ExecDefaults(self._ask_process)
        self._jails: dict[str, Jail] = {}
        self._recall = recall
        for known in recall.jails():
            self._jails[known.definition.id] = self._recalled(known, False)
        self.listener = Adoption(site, self._jails, lambda known: self._recalled(known, False), self._ready, self._lost)

    # --- the daemon's side ---------------------------------------------------------

    def when_ready(self) -> Deferred[None]:
        """Fire once the keeper told all it has."""
        if self._is_ready:
            return succeed(None)
        self._ready_waiters.append(Deferred())
        return self._ready_waiters[-1]

    def note_ends(self) -> None:
        """
        Be about to leave, before anybody is disconnected.

        The ends that were told are written down, so that the next daemon does not tell them again.
        """
        self._site.is_leaving = True
        note_ends(self._jails.values())

    def let_go(self) -> Deferred[None]:
        """Read no more, and fire once all that was read is in the logs; the jails go on."""
        self._is_leaving = True
        self._is_ready = False
        self._site.order.close()
        return let_go(self._jails.values(), self._site)

    def log_trouble(self, path: str, error: OSError | None) -> None:
        """A log cannot be written, or can be again."""
        if error is not None:
            self._log.error("{path}: {error}; tried again until it works", path=path, error=error)
        for jail in self._jails.values():
            if self._site.logs.path(jail.id) == path:
                jail.log_trouble.refused("", error)

    # --- the configuration's side ------------------------------------------------------

    def ids(self) -> Sequence[str]:
        """Return all jails, by id."""
        return sorted(self._jails)

    def configured(self) -> Sequence[str]:
        """Return the jails that the configuration told of, by id."""
        return [id for id in sorted(self._jails) if self._jails[id].record.is_configured]

    def define(self, definition: Definition, by: str) -> None:
        """
        Keep a jail as the configuration says; a new one starts if nobody said that it shall not.

        A jail that is known takes the settings now, and the rest of its definition at its next start.

        :raise AlreadyExists: a jail of RUN has that id.
        :raise RunjdError: it makes no sense, or cannot be written down.
        """
        jail = self._jails.get(definition.id)
        definition = self._sound(definition)
        if jail is not None:
            if not jail.record.is_configured:
                raise AlreadyExists(definition.id)
            self._commands.redefine(jail, definition, by)
            return
        jail = self._recalled(self._recall.configured(definition), self._is_ready)
        jail.record.save()
        self._jails[definition.id] = jail
        self.events.emit(definition.id, "defined", {"by": by, "bundle": definition.bundle})
        if self._is_ready:
            self._site.order.expect(jail, by)

    def change(self, id: str, settings: Settings, by: str) -> None:
        """
        Keep a jail by other settings, from now on.

        :raise RunjdError: there is no such jail, or it cannot be written down.
        """
        jail = self._jail(id)
        self._commands.redefine(jail, jail.definition._replace(settings=settings), by)

    def undefine(self, id: str, by: str) -> Deferred[None]:
        """
        Stop a jail where it runs, behind those that require it, and forget it.

        :return: fires when it is gone; fails where something of it is left on the host.
        :raise RunjdError: there is no such jail, or it cannot be written down.
        """
        return self._commands.undefine(self._jail(id), by)

    # --- IController ------------------------------------------------------------------

    @property
    def degraded(self) -> str:
        return self._site.degradation.reason

    def jails(self) -> Sequence[Facts]:
        return [self._jails[each].facts() for each in sorted(self._jails)]

    def facts(self, id: str) -> Facts:
        return self._jail(id).facts()

    def measure(self, ids: Sequence[str]) -> Deferred[Measurement]:
        try:
            jails = [self._jail(id) for id in ids or sorted(self._jails)]
        except RunjdError as error:
            return fail(error)
        return Deferred.fromCoroutine(measurement(self._site.metering, jails, self._site.reactor))

    def plan(self, ids: Sequence[str]) -> Sequence[PlanStep]:
        for id in ids:
            self._jail(id)
        return plan({each.id: standing_of(each) for each in self.jails()}, ids or None)

    def run(self, definition: Definition, by: str) -> Deferred[Facts]:
        last = self._jails.get(definition.id)
        if last is not None and last.is_ending and (last.forgetting.is_due or last.definition.remove):
            # Who saw its end may run it again at once.
            forgotten = last.waiters.add_forgotten()
            last.forget_when_down()
            return forgotten.addCallback(lambda _: self.run(definition, by))
        try:
            definition = self._sound(definition)
            if definition.id in self._jails:
                raise AlreadyExists(definition.id)
            self._check_ready()
        except RunjdError as error:
            return fail(error)
        jail = Jail(self._site, Known(definition, "down"), True, self._forget)
        self._jails[definition.id] = jail
        self.events.emit(definition.id, "defined", {"by": by, "bundle": definition.bundle})

        def failed(failure: Failure) -> Failure:
            if not isinstance(failure.value, Cancelled | KeeperLost) and self._jails.get(definition.id) is jail:
                jail.forget_when_down()
            return failure

        return tried(lambda: self._commands.run(jail, by)).addErrback(failed)

    def start(self, id: str, by: str, is_once: bool = False) -> Deferred[Facts]:
        return tried(lambda: self._commands.start(self._startable(id), by, is_once))

    def stop(self, id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        return tried(lambda: self._commands.stop(self._stoppable(id), by, timeout))

    def restart(self, id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        return tried(lambda: self._commands.restart(self._startable(id), by, timeout))

    def try_restart(self, id: str, by: str, timeout: float | None = None) -> Deferred[Facts]:
        return tried(lambda: self._commands.try_restart(self._startable(id), by, timeout))

    def reset(self, id: str, by: str) -> Facts:
        return self._commands.reset(self._startable(id), by)

    def enable(self, id: str, by: str, is_enabled: bool) -> Deferred[Facts]:
        return tried(lambda: self._commands.enable(self._jail(id), by, is_enabled))

    def pause(self, id: str, by: str) -> Deferred[Facts]:
        return tried(lambda: self._commands.pause(self._running(id), by))

    def resume(self, id: str, by: str) -> Deferred[Facts]:
        return tried(lambda: self._commands.resume(self._running(id), by))

    def kill(self, id: str, signum: int, by: str, everyone: bool = False, exec_id: str = "") -> Deferred[None]:
        try:
            if exec_id:
                self._process(id, exec_id)
            else:
                self._running(id)
        except RunjdError as error:
            return fail(error)
        self.events.emit(id, "kill", {"signal": signum, "exec": exec_id, "by": by})
        return self._site.spawner.signal(id, signum, exec_id=exec_id, everyone=everyone)

    def delete(self, id: str, by: str, force: bool = False) -> Deferred[None]:
        try:
            jail = self._jail(id)
            if jail.record.is_configured:
                raise WrongState(f'jail "{id}" stands in the configuration; take it out there, and reload', jail=id)
            if not jail.is_down:
                if not force and not jail.is_ending:
                    raise WrongState(f'jail "{id}" is {jail.phase}; stop it first, or delete it with force', jail=id)
                self._check_ready()
                jail.set_want("down", by)
        except RunjdError as error:
            return fail(error)

        jail.by = by
        if force:
            jail.insist()
        forgotten = jail.waiters.add_forgotten()
        jail.forget_when_down()
        if not jail.is_down:
            jail.machine.stop(0.0)
        return forgotten

    def wait(self, id: str, until: str) -> Deferred[Facts]:
        try:
            jail = self._jail(id)
            facts = jail.facts()
            if until not in UNTIL:
                raise BadArgument(f'cannot wait until "{until}"; there is {", ".join(UNTIL)}')
        except RunjdError as error:
            return fail(error)
        return succeed(facts) if has_reached(facts, until) else jail.waiters.add(until)

    def log(self, id: str) -> ILog:
        return self._jail(id).log

    def attach(
        self, id: str, viewer: IViewer, by: str, exec_id: str = "", input: str = "free", lossless: bool = False
    ) -> ISession:
        process = self._process(id, exec_id)
        jail, transport = self._jail(id), process.transport
        if transport is None:
            raise WrongState(f'jail "{id}" is not running', jail=id)
        is_open = jail.definition.stdin or transport.terminal or bool(exec_id)
        visit = Visit(
            "run" if lossless else "attach",
            id,
            transport.pid,
            transport.terminal,
            by,
            self._site.now(),
            exec_id,
            input_of(id, input, is_open),
            lossless,
        )
        return Session(self._site.guests, process.viewers, process, viewer, visit)

    def exec(
        self, id: str, process: Process, viewer: IViewer, by: str, stdin: bool, detached: bool = False
    ) -> Deferred[ISession]:
        try:
            jail = self._running(id)
        except RunjdError as error:
            return fail(error)
        self._last_exec += 1
        # never used twice: whoever comes back from an earlier daemon must not find another one's program
        name = f"x{self._last_exec}-{self._site.run_id}"
        return execute(self._site, jail, name, process, viewer, by, stdin, detached)

    def wait_exec(self, id: str, exec_id: str) -> Deferred[ExitRecord]:
        try:
            process = self._jail(id).execs.get(exec_id)
            return process.wait() if process is not None else succeed(self._site.exec_ends.find(id, exec_id))
        except RunjdError as error:
            return fail(error)

    def sessions(self, id: str = "") -> Sequence[SessionFacts]:
        if id:
            self._jail(id)
        return self._site.guests.facts(id)

    def close_session(self, number: int, by: str) -> SessionFacts:
        return self._site.guests.dismiss(number, by)

    def resize(self, id: str, exec_id: str, rows: int, columns: int) -> None:
        check_size(rows, columns)
        self._process(id, exec_id).resize_terminal(rows, columns, id, exec_id)

    def exec_defaults(self, id: str) -> Deferred[Process]:
        try:
            jail = self._running(id)
        except RunjdError as error:
            return fail(error)
        found = self._exec_defaults.find(id, jail.pid)
        return found.addErrback(partial(explained_by_end, self._site, jail, jail.pid))

    def shutdown(self, mode: str, by: str) -> Deferred[None]:
        if mode not in ("keep", "stop"):
            return fail(BadArgument(f'no shutdown named "{mode}"; there is keep, stop'))
        self._is_leaving = True
        self._site.order.close()
        self.events.emit("", "shutdown", {"mode": mode, "by": by})
        if mode == "keep":
            self._leave_once()
            return succeed(None)
        self._shutdowns.append(Deferred())
        result = self._shutdowns[-1]
        if len(self._shutdowns) == 1:
            shutdown = Shutdown(self._site.reactor, self._jails, by, self.shutdown_limit)
            shutdown.begin().addCallback(self._all_stopped).addBoth(self._shut_down)
        return result

    def upgrade(self, by: str) -> Deferred[Upgraded]:
        return fail(WrongState("the daemon is shutting down")) if self._is_leaving else self._upgrade(by)

    # --- inside -----------------------------------------------------------------------

    def _ask_process(self, id: str) -> Deferred[Mapping[str, object]]:
        return self._site.spawner.process(id)  # of the keeper that there is now

    def _all_stopped(self, results: object) -> Deferred[None] | None:
        # Whoever wanted the daemon gone at once was not kept waiting, and the keeper was to be kept.
        return None if self._has_left else self._end_keeper()

    def _shut_down(self, result: object) -> None:
        """Tell all who asked for it."""
        shutdowns, self._shutdowns = self._shutdowns, []
        if isinstance(result, Failure):
            self._is_leaving = self._has_left
            if self._is_ready and not self._is_leaving:
                self._site.order.open()
        else:
            self._leave_once()
        for each in shutdowns:
            if isinstance(result, Failure):
                each.errback(result)
            else:
                each.callback(None)

    def _leave_once(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._leave()

    def _recalled(self, known: Known, is_known: bool) -> Jail:
        """Return a jail of which something may outlast reboots."""
        jail = Jail(self._site, known, is_known, self._forget)
        wish = self._recall.wishes.pop(known.definition.id, None)
        if wish is not None:
            jail.record.remembers(wish)
        return jail

    def _jail(self, id: str) -> Jail:
        try:
            return self._jails[id]
        except KeyError:
            raise no_such_jail(id, self._jails) from None

    def _startable(self, id: str) -> Jail:
        jail = self._jail(id)
        self._check_ready()
        if jail.forgetting.is_due:
            raise Gone(f'jail "{id}" is being deleted', jail=id)
        return jail

    def _stoppable(self, id: str) -> Jail:
        jail = self._jail(id)
        if jail.phase == "unknown":
            self._check_ready()
        return jail

    def _running(self, id: str) -> Jail:
        jail = self._jail(id)
        if not jail.is_running:
            raise WrongState(f'jail "{id}" is not running, it is {jail.phase}', jail=id)
        return jail

    def _process(self, id: str, exec_id: str) -> WatchedProcess:
        jail = self._jail(id)
        process: WatchedProcess | None
        if exec_id:
            process = jail.execs.get(exec_id)
            if process is None:
                raise NotFound(f'jail "{id}" has no exec process "{exec_id}"', jail=id, exec=exec_id)
            return process
        process = self._running(id).init
        if process is None:
            raise WrongState(f'jail "{id}" is not running', jail=id)
        return process

    def _sound(self, definition: Definition) -> Definition:
        """Return a definition with its runtime. :raise RunjdError: it makes no sense here."""
        check_id(definition.id)
        if not definition.bundle.startswith("/"):
            raise BadArgument(f'the bundle must be an absolute path, not "{definition.bundle}"')
        if definition.runtime and definition.runtime not in self.runtimes:
            raise BadArgument(f'no runtime named "{definition.runtime}"; there is {", ".join(self.runtimes)}')
        return definition._replace(runtime=definition.runtime or self.runtimes[0])

    def _check_ready(self) -> None:
        if self._is_leaving:
            raise WrongState("the daemon is shutting down")
        if not self._is_ready:
            raise Busy("the keeper is not connected at this moment", retry_ms=500)

    def _forget(self, jail: Jail) -> None:
        if self._jails.get(jail.id) is not jail:
            return
        del self._jails[jail.id]
        self._site.order.forget(jail)
        jail.record.forget()
        self.events.emit(jail.id, "deleted", {"by": jail.by})
        jail.detach()  # exec processes that live on, where the runtime isolates nothing, are nobody's any more
        gone = Gone(f'jail "{jail.id}" was deleted', jail=jail.id)
        jail.log.gone(gone)
        jail.waiters.gone(gone)

    def _ready(self) -> None:
        self._is_ready = True
        if self._was_lost:
            self._was_lost = False
            self._log.info("the keeper is connected again")
            self.events.emit("", "keeper", {"state": "connected"})
        self._site.order.open()
        for jail in list(self._jails.values()):
            jail.come_up(WANT)
        waiters, self._ready_waiters = self._ready_waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def _lost(self, reason: str, watched: int) -> None:
        self._is_ready = False
        self._site.order.close()
        self._was_lost = True
        self._log.error("the keeper is lost: {reason}; {count} jails are watched", reason=reason, count=watched)
        self.events.emit("", "keeper", {"state": "lost", "watched": watched, "reason": reason})
