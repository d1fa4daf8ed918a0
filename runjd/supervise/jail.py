"""
One jail: what is wanted of it, what is known of it, and what its machine makes it do.

The order at an exit is: the exit record, all output that came before it, the
log on disk, the event, the removal of what is left on the host, the phase, and
whoever waited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import Gone, KeeperLost, RunjdError
from runjd.policy.facts import Definition, ExitRecord, Facts
from runjd.policy.settings import Settings
from runjd.protocols.jailprocess import JailProcess
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.causes import KEEPER, PROGRAM
from runjd.supervise.definitions import Known, definition_to_json
from runjd.supervise.ending import Ending
from runjd.supervise.events import exit_details
from runjd.supervise.exec import ExecProcess
from runjd.supervise.init import InitProcess
from runjd.supervise.jaillog import JailLog
from runjd.supervise.machine import Inputs, machine_of
from runjd.supervise.record import Record
from runjd.supervise.removal import Removal, explained
from runjd.supervise.site import Site
from runjd.supervise.stopping import Stopping
from runjd.supervise.waiters import Waiters
from runjd.supervise.watched import KeeperControl, outputs_of
from runjd.supervise.watching import Watching


class Jail:
    """
    One jail; the core of its machine.

    :param is_known: that it does not run is certain; False: the keeper will tell.
    :param forget: called when the jail is to be forgotten.
    :ivar machine: what happens to the jail is told to it.
    :ivar record: what the next daemon must know of it.
    :ivar execs: its exec processes, by their ids.
    :ivar by: who or what caused that which happens now; see :mod:`runjd.supervise.causes`.
    :ivar shall_forget: it is to be forgotten as soon as nothing is left of it.
    """

    __slots__ = (
        "_ending",
        "_forget",
        "_reason",
        "_removal",
        "_shall_start",
        "_shown",
        "_site",
        "_stopping",
        "_trouble",
        "_watching",
        "by",
        "execs",
        "init",
        "jid",
        "log",
        "machine",
        "notices",
        "phase",
        "pid",
        "record",
        "shall_forget",
        "started_at",
        "terminal",
        "waiters",
    )
    _log = Logger()

    def __init__(self, site: Site, known: Known, is_known: bool, forget: Callable[[Jail], None]) -> None:
        self._site = site
        self._forget = forget
        self.record = Record(site.definitions, known)
        self.phase = self._shown = "idle" if is_known else "unknown"
        self.by = ""
        self.pid = 0
        self.jid = 0
        self.notices: tuple[str, ...] = ()
        self.started_at = 0.0
        self.terminal = False
        self.init: InitProcess | None = None
        self.execs: dict[str, ExecProcess] = {}
        self.log = JailLog(site.logs, self.id, self.settings.log)
        self.waiters = Waiters()
        self._watching: Watching | None = None
        self._reason = ""
        self._trouble = ""
        self._shall_start = False
        self.shall_forget = False
        self.machine: Inputs = machine_of(self, is_known)
        self._ending = Ending(self.log.intake, self._tell_exit, self.machine.ended)
        self._removal = Removal(site, self.id, self._broken)
        self._stopping = Stopping(site, self.id, self.machine.stop_overdue)

    @property
    def definition(self) -> Definition:
        return self.record.definition

    @property
    def settings(self) -> Settings:
        return self.record.definition.settings

    @property
    def id(self) -> str:
        return self.record.definition.id

    @property
    def want(self) -> str:
        """What is wanted of it; where nobody ever said, the settings do."""
        return self.record.want or ("up" if self.settings.autostart else "down")

    @property
    def is_running(self) -> bool:
        """Whether its init process lives."""
        return self.init is not None and self._ending.record is None

    @property
    def is_ending(self) -> bool:
        """Whether its init process ended, nobody wants it again, and only its removal from the host is under way."""
        return self._ending.record is not None and not self._shall_start

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
        record = self.record
        if self.phase == "starting":
            status = "creating"
        elif self.is_running:
            status = "running"
        else:
            status = "stopped" if record.last_exit is not None or self._ending.record is not None else "-"
        return Facts(
            id=self.id,
            want=self.want,
            status=status,
            phase=self.phase,
            ready="yes" if self.phase == "running" else "no",
            health="-",
            definition=record.definition,
            terminal=self.terminal,
            pid=self.pid if self.is_running else 0,
            jid=self.jid if self.is_running else 0,
            started_at=self.started_at if self.is_running else 0.0,
            last_exit=record.last_exit,
            reason=self._reason or (self._watching.reason if self._watching is not None else "") or self._trouble,
            notices=self.notices,
        )

    # --- what the controller does ---------------------------------------------------

    def set_want(self, want: str, by: str) -> None:
        """
        Write down what is wanted.

        :raise InputOutput: it cannot be written down, so nothing was changed.
        """
        # a start writes it down itself
        self.record.set_want(want, is_saved=want == "down" or self.phase != "idle")
        self.by = by

    def redefine(self, definition: Definition, by: str) -> None:
        """
        Take another definition: its settings now, all else at the next start.

        :raise InputOutput: it cannot be written down, so nothing was changed.
        """
        before, self.record.definition = self.record.definition, definition
        try:
            self.record.save()
        except RunjdError:
            self.record.definition = before
            raise
        if definition != before:
            self._emit("changed", {"by": by})

    def forget_when_down(self) -> None:
        """Forget the jail, now or as soon as it is down and nothing of it is left on the host."""
        self.shall_forget = True
        if self.phase not in ("idle", "failed"):
            return
        if not self._removal.is_due:
            self._forget(self)
            return

        def forget() -> None:
            self._forget(self)

        self._removal.begin(forget, forget, self._keep, force=True)

    def keeper_lost(self) -> None:
        """The keeper does not answer any more."""
        self._abandon_execs()
        if self.is_watched:
            self.machine.orphaned()
        else:
            self.by = KEEPER
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
        self._ending.forget()
        self._shall_start = False
        self.record.is_expected = True
        self.started_at = self._site.now()
        try:
            self.record.save()
        except RunjdError as error:
            machine.launch_failed(error)
            return

        def failed(failure: Failure) -> None:
            error = explained(failure)
            if isinstance(error, KeeperLost):
                self.waiters.failed(error)  # the machine hears that the keeper is lost
            else:
                machine.launch_failed(error)

        def run() -> None:
            launched = self._site.spawner.run(
                self.id,
                definition.bundle,
                definition.runtime,
                stdin=definition.stdin,
                size=definition.size,
                note=note,
            )
            launched.addCallbacks(machine.launched, failed).addErrback(self._broken)

        if self._removal.is_due:
            self._removal.begin(run, run, machine.launch_failed, force=True)
        else:
            run()

    def abort(self, timeout: float) -> None:
        self._stopping.abort(timeout)
        self.waiters.failed(Gone(f'jail "{self.id}" was stopped before it ran', jail=self.id))

    def hurry(self, timeout: float) -> None:
        self._stopping.hurry(timeout)

    def take(self, launched: Launched, adopted: bool) -> None:
        self.pid, self.jid, self.terminal = launched.pid, launched.jid, launched.terminal
        self._ending.forget()
        self._watching = Watching(self._site.vigil, launched.pid, launched.start, self.machine.exited)
        self._reason = ""
        self.init = InitProcess(self.log.intake, self._ending.drained, self._ending.ended)
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
            self._emit("notice", {"text": notice, "by": self.by})
        process.connect()

    def terminate(self, machine: Inputs, timeout: float | None) -> None:
        if timeout is None:
            self.show("stopping")
        self._stopping.begin(timeout)

    def force(self) -> None:
        self._stopping.force()

    def remind(self) -> None:
        self._stopping.remind()

    def stay_alone(self) -> None:
        if self._watching is not None:
            self._watching.stay_alone()

    def close(self, machine: Inputs, record: ExitRecord) -> None:
        if self.phase != "stopping":
            self.by = PROGRAM
        self._stopping.cancel()
        self._ending.record = record
        self._stop_watching()
        self.phase = "stopping"
        if self.init is not None and self.init.transport is not None:
            self.init.transport.exited(record)
        else:
            self._ending.drained()
            self._ending.ended()

    def mourn(self, machine: Inputs, record: ExitRecord) -> None:
        self._ending.record = record
        self.phase = "stopping"

        def removed() -> None:
            self._ending.tell()
            machine.deleted()

        def absent() -> None:
            if self.pid:
                removed()
                return
            self._ending.forget()  # it never began
            self._reason = "its start was interrupted"
            machine.deleted()

        def failed(error: RunjdError) -> None:
            self._ending.tell()
            machine.delete_failed(error)

        self._removal.begin(removed, absent, failed, force=True)

    def delete(self, machine: Inputs) -> None:
        pid = self.pid

        def removed() -> None:
            self._acknowledge(pid)
            machine.deleted()

        def failed(error: RunjdError) -> None:
            self._acknowledge(pid)
            machine.delete_failed(error)

        # absent: the last daemon came so far, and not further
        self._removal.begin(removed, removed, failed)

    def rest(self, machine: Inputs, error: Exception | None) -> None:
        self._stopping.cancel()
        self.init = None
        self._ending.forget()
        self.jid = 0
        record = self.record
        record.is_expected = False
        self.log.intake.rest()
        is_over = self.shall_forget or (
            self.definition.remove and record.last_exit is not None and not self._shall_start
        )
        is_over = is_over and not self._removal.is_due
        if is_over:
            self.shall_forget = True  # whoever hears of its end now cannot start it any more
        else:
            record.save_if_possible()
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
        self._stopping.cancel()
        if self._shall_start:
            self.waiters.failed(KeeperLost("the keeper was lost before the start; it is tried again"))
        self._abandon_execs()
        self._stop_watching()
        init, self.init = self.init, None
        self._ending.forget()
        if init is not None:
            init.abandon()

    def show(self, phase: str, **details: object) -> None:
        """Tell the phase, and what is known with it; wake whoever waited for it."""
        before, self.phase, self._shown = self._shown, phase, phase
        if phase == "running":
            details |= {"pid": self.pid, "jid": self.jid or None}
        if before != phase:
            self._emit("state", {"from": before, "to": phase, "by": self.by, **details})
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
        self.record.is_expected = False
        self.record.save_if_possible()
        self._site.spawner.ack(self.id, "", pid)

    def _tell_exit(self, record: ExitRecord) -> None:
        if self.record.last_exit != record:  # else a lost connection to the keeper made it tell again
            self.record.last_exit = record
            self._emit("exit", {**exit_details(record), "by": self.by}, at=record.at)

    def _emit(self, ev: str, details: Mapping[str, object], at: float | None = None) -> None:
        self._site.events.emit(self.id, ev, details, at)

    def _broken(self, failure: Failure) -> None:
        self._log.failure("a fault in the supervision of {jail}", failure, jail=self.id)
