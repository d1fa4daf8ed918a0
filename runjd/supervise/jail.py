"""
One jail: what is wanted of it, what is known of it, and what its machine makes it do.

The order at an exit is: the exit record, all output that came before it, the
log on disk, the event, the removal of what is left on the host, the phase, and
whoever waited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import Gone, KeeperLost, RunjdError
from runjd.policy.facts import ExitRecord, Facts
from runjd.policy.settings import LogRule
from runjd.protocols.jailprocess import JailProcess
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.definitions import Known, definition_to_json
from runjd.supervise.events import exit_details
from runjd.supervise.exec import ExecProcess
from runjd.supervise.init import InitProcess
from runjd.supervise.jaillog import JailLog
from runjd.supervise.machine import Inputs, machine_of
from runjd.supervise.site import FLUSH_LIMIT, STOP_TIMEOUT, Site
from runjd.supervise.waiters import Waiters
from runjd.supervise.watched import KeeperControl, outputs_of
from runjd.supervise.watching import Watching

_SIGKILL = 9
_SIGTERM = 15


class Jail:
    """
    One jail; the core of its machine.

    :param is_known: that it does not run is certain; False: the keeper will tell.
    :param forget: called when the jail is to be forgotten.
    :ivar machine: what happens to the jail is told to it.
    :ivar is_expected: it was started, and nobody saw its end.
    :ivar execs: its exec processes, by their ids.
    :ivar by: who asked for what happens now.
    :ivar shall_forget: it is to be forgotten as soon as nothing is left of it.
    """

    __slots__ = (
        "_abort_timeout",
        "_exit",
        "_forget",
        "_has_leftover",
        "_is_told",
        "_reason",
        "_saved",
        "_shall_start",
        "_shown",
        "_site",
        "_stop_call",
        "_trouble",
        "_watching",
        "by",
        "definition",
        "execs",
        "init",
        "is_expected",
        "jid",
        "last_exit",
        "log",
        "machine",
        "notices",
        "phase",
        "pid",
        "shall_forget",
        "started_at",
        "terminal",
        "waiters",
        "want",
    )
    _log = Logger()

    def __init__(self, site: Site, known: Known, is_known: bool, forget: Callable[[Jail], None]) -> None:
        self._site = site
        self._forget = forget
        self.definition = known.definition
        self.want = known.want
        self.is_expected = known.is_expected
        self.phase = self._shown = "idle" if is_known else "unknown"
        self.by = ""
        self.pid = 0
        self.jid = 0
        self.notices: tuple[str, ...] = ()
        self.started_at = 0.0
        self.terminal = False
        self.last_exit = known.last_exit
        self.init: InitProcess | None = None
        self.execs: dict[str, ExecProcess] = {}
        self.log = JailLog(site.logs, known.definition.id, LogRule())
        self.waiters = Waiters()
        self._exit: ExitRecord | None = None
        self._is_told = False
        self._watching: Watching | None = None
        self._reason = ""
        self._trouble = ""
        self._has_leftover = False
        self._saved: Known | None = None
        self._shall_start = False
        self.shall_forget = False
        self._abort_timeout = STOP_TIMEOUT
        self._stop_call: IDelayedCall | None = None
        self.machine: Inputs = machine_of(self, is_known)

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def is_running(self) -> bool:
        """Whether its init process lives."""
        return self.init is not None and self._exit is None

    @property
    def is_ending(self) -> bool:
        """Whether its init process ended, nobody wants it again, and only its removal from the host is under way."""
        return self._exit is not None and not self._shall_start

    @property
    def is_restarting(self) -> bool:
        """Whether it runs, but was stopping to be started anew when the keeper was lost."""
        return self._shall_start and self.phase == "running"

    @property
    def is_watched(self) -> bool:
        """Whether the daemon itself sees how its init process ends."""
        return self.is_running and self._watching is not None and self._watching.is_on

    def facts(self) -> Facts:
        """Return the jail as it is now."""
        if self.phase == "starting":
            status = "creating"
        elif self.is_running:
            status = "running"
        else:
            status = "stopped" if self.last_exit is not None or self._exit is not None else "-"
        return Facts(
            id=self.id,
            want=self.want,
            status=status,
            phase=self.phase,
            ready="yes" if self.phase == "running" else "no",
            health="-",
            definition=self.definition,
            terminal=self.terminal,
            pid=self.pid if self.is_running else 0,
            jid=self.jid if self.is_running else 0,
            started_at=self.started_at if self.is_running else 0.0,
            last_exit=self.last_exit,
            reason=self._reason or (self._watching.reason if self._watching is not None else "") or self._trouble,
            notices=self.notices,
        )

    # --- what the controller does ---------------------------------------------------

    def set_want(self, want: str, by: str) -> None:
        """
        Write down what is wanted.

        :raise InputOutput: it cannot be written down, so nothing was changed.
        """
        before, self.want = self.want, want
        if want != before and (want == "down" or self.phase != "idle"):  # a start writes it down itself
            try:
                self._save()
            except RunjdError:
                self.want = before
                raise
        self.by = by

    def forget_when_down(self) -> None:
        """Forget the jail, now or as soon as it is down and nothing of it is left on the host."""
        self.shall_forget = True
        if self.phase not in ("idle", "failed"):
            return
        if not self._has_leftover:
            self._forget(self)
            return

        def failed(failure: Failure) -> None:
            self._keep(_explained(failure))

        def cleared(_: None) -> None:
            self._has_leftover = False
            self._forget(self)

        self._site.spawner.delete(self.id, force=True).addCallbacks(cleared, failed).addErrback(self._broken)

    def keeper_lost(self) -> None:
        """The keeper does not answer any more."""
        self._abandon_execs()
        if self.is_watched:
            self.machine.orphaned()
        else:
            self.machine.lost()

    def keeper_has(self, pid: int) -> None:
        """The keeper has, or took in, a process of the jail, and will tell how it ended."""
        if self.pid == pid and self._watching is not None:
            self._watching.is_alone = False

    def log_trouble(self, error: OSError | None) -> None:
        """The log cannot be written, or can be again."""
        self._trouble = "" if error is None else f"the log cannot be written: {error.strerror}"
        state = "writing" if error is None else "waiting"
        self._emit("log", {"state": state, "reason": self._trouble})

    # --- Core ---------------------------------------------------------------------------

    def launch(self, machine: Inputs) -> None:
        definition = self.definition
        note = {"definition": definition_to_json(definition), "at": self._site.now(), "run": self._site.run_id}
        self._exit = None
        self._is_told = False
        self._shall_start = False
        self.is_expected = True
        self.started_at = self._site.now()
        try:
            self._save()
        except RunjdError as error:
            machine.launch_failed(error)
            return
        cleared: Deferred[None] = succeed(None)
        if self._has_leftover:
            cleared = self._site.spawner.delete(self.id, force=True)

        def run(_: None) -> Deferred[Launched]:
            self._has_leftover = False
            return self._site.spawner.run(
                self.id,
                definition.bundle,
                definition.runtime,
                stdin=definition.stdin,
                size=definition.size,
                note=note,
            )

        def failed(failure: Failure) -> None:
            error = _explained(failure)
            if isinstance(error, KeeperLost):
                self.waiters.failed(error)  # the machine hears that the keeper is lost
            else:
                machine.launch_failed(error)

        launched = cleared.addCallback(run)
        launched.addCallbacks(machine.launched, failed).addErrback(self._broken)

    def abort(self, timeout: float) -> None:
        self._abort_timeout = timeout
        self.waiters.failed(Gone(f'jail "{self.id}" was stopped before it ran', jail=self.id))

    def hurry(self, timeout: float) -> None:
        self._abort_timeout = min(self._abort_timeout, timeout)

    def take(self, launched: Launched, adopted: bool) -> None:
        self.pid, self.jid, self.terminal = launched.pid, launched.jid, launched.terminal
        self._exit = None
        self._is_told = False
        self._watching = Watching(self._site.vigil, launched.pid, launched.start, self.machine.exited)
        self._reason = ""
        self.init = InitProcess(self.log, self._drained, self._ended)
        process = JailProcess(
            self._site.reactor,
            self.init,
            KeeperControl(self._site, self.id),
            launched.pid,
            outputs_of(launched.descriptors),
            launched.terminal,
        )
        self.notices = launched.notices
        for notice in launched.notices:
            self._log.warn("{notice}", notice=notice)
            self._emit("notice", {"text": notice})
        process.connect()

    def terminate(self, machine: Inputs, timeout: float | None) -> None:
        seconds = self._abort_timeout if timeout is None else timeout
        if timeout is None:
            self.show("stopping")
        is_first = self._stop_call is None
        if seconds <= 0:
            self._cancel_stop_call()
            self.force()
            return
        if self._stop_call is None or self._stop_call.getTime() > self._site.reactor.seconds() + seconds:
            self._cancel_stop_call()
            self._stop_call = self._site.reactor.callLater(seconds, machine.stop_overdue)
        if is_first:
            self._signal(_SIGTERM)

    def force(self) -> None:
        self._signal(_SIGKILL)

    def remind(self) -> None:
        self._signal(_SIGTERM if self._stop_call is not None and self._stop_call.active() else _SIGKILL)

    def stay_alone(self) -> None:
        if self._watching is not None:
            self._watching.stay_alone()

    def close(self, machine: Inputs, record: ExitRecord) -> None:
        self._cancel_stop_call()
        self._exit = record
        self._stop_watching()
        self.phase = "stopping"
        if self.init is not None and self.init.transport is not None:
            self.init.transport.exited(record)
        else:
            self._drained()
            self._ended()

    def mourn(self, machine: Inputs, record: ExitRecord) -> None:
        self._exit = record
        self.phase = "stopping"

        def deleted(_: None) -> None:
            self._tell_exit()
            machine.deleted()

        def failed(failure: Failure) -> None:
            error = _explained(failure)
            if error.code == "NOJAIL" and not self.pid:
                self._exit = None  # it never began
                self._reason = "its start was interrupted"
                machine.deleted()
            elif error.code == "NOJAIL":
                deleted(None)
            elif not isinstance(error, KeeperLost):
                self._has_leftover = True
                self._tell_exit()
                machine.delete_failed(error)

        self._site.spawner.delete(self.id, force=True).addCallbacks(deleted, failed).addErrback(self._broken)

    def delete(self, machine: Inputs) -> None:
        pid = self.pid

        def deleted(_: None) -> None:
            self._acknowledge(pid)
            machine.deleted()

        def failed(failure: Failure) -> None:
            error = _explained(failure)
            if error.code == "NOJAIL":  # the last daemon came so far, and not further
                deleted(None)
            elif not isinstance(error, KeeperLost):
                self._acknowledge(pid)
                self._has_leftover = True
                machine.delete_failed(error)

        self._site.spawner.delete(self.id).addCallbacks(deleted, failed).addErrback(self._broken)

    def rest(self, machine: Inputs, error: Exception | None) -> None:
        self._cancel_stop_call()
        self.init = None
        self._exit = None
        self.jid = 0
        self.is_expected = False
        self.log.rest()
        is_over = self.shall_forget or (self.definition.remove and self.last_exit is not None and not self._shall_start)
        is_over = is_over and not self._has_leftover
        if is_over:
            self.shall_forget = True  # whoever hears of its end now cannot start it any more
        else:
            self._save_if_possible()
        if error is not None:
            self._reason = str(error)
            self.show("failed", reason=self._reason)
            if isinstance(error, RunjdError):
                self.waiters.failed(error)
                if self.shall_forget and not is_over:
                    self._keep(error)
        else:
            self.show("idle", reason=self._reason)
        if is_over:
            self._forget(self)
        elif self._shall_start and self.want == "up":
            machine.start()

    def again(self, wanted: bool) -> None:
        if self._shall_start and not wanted:
            self.waiters.failed(Gone(f'jail "{self.id}" was stopped before it ran', jail=self.id))
        self._shall_start = wanted

    def detach(self) -> None:
        self._cancel_stop_call()
        if self._shall_start:
            self.waiters.failed(KeeperLost("the keeper was lost before the start; it is tried again"))
        self._abandon_execs()
        self._stop_watching()
        init, self.init = self.init, None
        self._exit = None
        if init is not None:
            init.abandon()

    def show(self, phase: str, **details: object) -> None:
        """Tell the phase, and what is known with it; wake whoever waited for it."""
        before, self.phase, self._shown = self._shown, phase, phase
        if phase == "running":
            details |= {"pid": self.pid, "jid": self.jid or None}
        if before != phase:
            self._emit("state", {"from": before, "to": phase, "by": self.by, **details})
        self.by = ""
        self.waiters.reached(self.facts())

    # --- inside -------------------------------------------------------------------------

    def _stop_watching(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.stop()

    def _abandon_execs(self) -> None:
        """Let go of exec processes, whose end nobody will tell."""
        execs = list(self.execs.values())
        self.execs.clear()
        for each in execs:
            each.abandon()

    def _keep(self, error: RunjdError) -> None:
        """It was to be forgotten, but something of it is still on the host."""
        self._reason = str(error)
        self.shall_forget = False
        self.waiters.not_forgotten(error)

    def _acknowledge(self, pid: int) -> None:
        """Let the keeper forget the exit, once the next daemon would know of it without the keeper."""
        self.is_expected = False
        self._save_if_possible()
        self._site.spawner.ack(self.id, "", pid)

    def _save(self) -> None:
        """Write down what the next daemon must know. :raise InputOutput: it cannot be written."""
        known = Known(self.definition, self.want, self.is_expected, self.last_exit)
        if known != self._saved:
            self._site.definitions.save(known)
            self._saved = known

    def _save_if_possible(self) -> None:
        try:
            self._save()
        except RunjdError as error:
            self._log.error("{error}", error=error)

    def _signal(self, signum: int) -> None:
        def failed(failure: Failure) -> None:
            self._log.info("{jail}: signal {signum}: {error}", jail=self.id, signum=signum, error=failure.value)

        self._site.spawner.signal(self.id, signum).addErrback(failed)

    def _cancel_stop_call(self) -> None:
        if self._stop_call is not None and self._stop_call.active():
            self._stop_call.cancel()
        self._stop_call = None

    def _drained(self) -> None:
        """All that the program wrote before its exit is on the way to the log."""
        self.log.flush_in_time(FLUSH_LIMIT, self._tell_exit)

    def _ended(self) -> None:
        """Nobody holds the output any more."""
        self.log.flush_in_time(FLUSH_LIMIT, self._all_is_logged)

    def _all_is_logged(self) -> None:
        self._tell_exit()
        self.machine.ended()

    def _tell_exit(self) -> None:
        record = self._exit
        if record is None or self._is_told:
            return
        self._is_told = True
        if self.last_exit != record:  # else a lost connection to the keeper made it tell again
            self.last_exit = record
            self._emit("exit", exit_details(record), at=record.at)

    def _emit(self, ev: str, details: Mapping[str, object], at: float | None = None) -> None:
        self._site.events.emit(self.id, ev, details, at)

    def _broken(self, failure: Failure) -> None:
        self._log.failure("a fault in the supervision of {jail}", failure, jail=self.id)


def _explained(failure: Failure) -> RunjdError:
    """Return the error in words of ours."""
    error = failure.value
    return error if isinstance(error, RunjdError) else RunjdError(f"{type(error).__name__}: {error}")
