"""One jail: what is wanted of it, what is known of it, and what its machine makes it do."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from runjd.errors import Gone, KeeperLost, RunjdError
from runjd.policy.desire import wanted
from runjd.policy.facts import Definition, ExitRecord, Facts
from runjd.policy.restart import Run
from runjd.policy.settings import Settings
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.causes import KEEPER, PROGRAM, RESTART
from runjd.supervise.consequences import Consequences, unready
from runjd.supervise.definitions import Known
from runjd.supervise.ending import Ending
from runjd.supervise.exec import Execs
from runjd.supervise.forgetting import Forgetting
from runjd.supervise.init import InitProcess
from runjd.supervise.inputs import Inputs
from runjd.supervise.jaillog import JailLog
from runjd.supervise.launching import Launching
from runjd.supervise.logtrouble import LogTrouble
from runjd.supervise.machine import machine_of
from runjd.supervise.mourning import Mourning
from runjd.supervise.pausing import Pausing
from runjd.supervise.portrait import facts_of
from runjd.supervise.record import Record
from runjd.supervise.removal import Removal
from runjd.supervise.retrying import Retrying
from runjd.supervise.site import Site
from runjd.supervise.stopping import Stopping
from runjd.supervise.tending import Tending
from runjd.supervise.waiters import Waiters
from runjd.supervise.watched import connect, others_of
from runjd.supervise.watching import Watching

#: phases in which nothing of a jail runs, or is at work
DOWN = ("idle", "waiting", "failed", "backoff")


class Jail:
    """
    One jail; the core of its machine.

    :param is_known: that it does not run is certain; False: the keeper will tell.
    :param forget: called when the jail is to be forgotten.
    :ivar machine: what happens to the jail is told to it.
    :ivar record: what the next daemon must know of it.
    :ivar execs: its exec processes, by their ids.
    :ivar by: who or what caused that which happens now; see :mod:`runjd.supervise.causes`.
    :ivar tending: whether it is ready, and how it is.
    :ivar retrying: when it is started again by itself.
    :ivar is_leftover: the keeper told that it does not run, and that nobody is at work on it.
    :ivar forgetting: whether it is to be forgotten as soon as nothing is left of it.
    """

    __slots__ = (
        "_doom",
        "_ending",
        "_launching",
        "_mourning",
        "_removal",
        "_shown",
        "_site",
        "_stopping",
        "_then",
        "_told",
        "_trouble",
        "_watching",
        "by",
        "execs",
        "forgetting",
        "init",
        "is_leftover",
        "jid",
        "log",
        "log_trouble",
        "machine",
        "notices",
        "pausing",
        "phase",
        "pid",
        "record",
        "retrying",
        "started_at",
        "tending",
        "terminal",
        "waiters",
    )
    _log = Logger()

    def __init__(self, site: Site, known: Known, is_known: bool, forget: Callable[[Jail], None]) -> None:
        self._site = site
        self.record = Record(site.definitions, site.lasting, site.unwritten, known)
        self.phase = self._shown = "idle" if is_known else "unknown"
        self.by = ""
        self.pid = 0
        self.jid = 0
        self.notices: tuple[str, ...] = ()
        self.started_at = 0.0
        self.terminal = False
        self.init: InitProcess | None = None
        self.execs = Execs()
        self._told = told = Consequences(self, site, forget)
        self.log_trouble = LogTrouble(site.reactor, told)
        self.log = JailLog(site.logs, self.id, self.settings.log, self.log_trouble)
        self.waiters = Waiters()
        # whether it is started once it is down; None: the policy says
        self._then: bool | None = known.is_restarting or None
        self.is_leftover = False
        self._doom = ""  # what was found wrong with the run, for which it is stopped
        self._trouble: RunjdError | None = None  # why it was not started, until those who wait are told
        site.order.learn(self)
        self.machine: Inputs = machine_of(self, is_known)
        self._watching = Watching(site.vigil, told)
        self._ending = Ending(self.log.intake, told)
        self._removal = Removal(site, self.id, told)
        self._launching = Launching(site, self.record, self._removal, self.waiters, told)
        self.forgetting = Forgetting(self.record, self._removal, self.waiters, told)
        self._mourning = Mourning(site, self.record, self._ending, self._removal, told)
        self.retrying = Retrying(site, self.record, self.log.intake, told)
        self.tending = Tending(site, self.record, self.execs, told)
        self.pausing = Pausing(site, self.record, told)
        self._stopping = Stopping(site, self.record, self.execs, self.pausing, told)

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
        return wanted(self.record.want, self.settings)

    @property
    def is_down(self) -> bool:
        """Whether nothing of it runs, is being started or being removed."""
        return self.phase in DOWN

    @property
    def is_running(self) -> bool:
        """Whether its init process lives."""
        return self.init is not None and self._ending.record is None

    @property
    def has_ended(self) -> bool:
        """Whether its init process ended, and that is still being dealt with."""
        return self._ending.record is not None

    @property
    def is_ready(self) -> bool:
        """Whether it runs, and is ready."""
        return self.phase == "running" and self.tending.is_ready

    @property
    def reason(self) -> str:
        """Why it is as it is, for people; empty where there is nothing to say."""
        waiting = self._site.order.reason(self.id)
        parts = (self.record, self._stopping, self._watching, self.log_trouble, self.tending)
        return waiting or next((each.reason for each in parts if each.reason), "")

    @property
    def is_ending(self) -> bool:
        """Whether its init process ended, nobody wants it again, and only its removal from the host is under way."""
        if self._ending.record is None or self._then is True:
            return False
        return self._then is False or self.want != "up" or self.settings.restart.kind == "never"

    @property
    def is_restarting(self) -> bool:
        """Whether it runs, but was stopping to be started anew when the keeper was lost."""
        return self._then is True and self.phase == "running"

    @property
    def is_watched(self) -> bool:
        """Whether the daemon itself sees how its init process ends."""
        return self.is_running and self._watching.is_on

    def facts(self) -> Facts:
        """Return the jail as it is now."""
        return facts_of(self)

    # --- what the controller does ---------------------------------------------------

    def set_want(self, want: str, by: str) -> None:
        """
        Write down what is wanted.

        :raise InputOutput: it cannot be written down, so nothing was changed.
        """
        # a start writes it down itself
        self.record.set_want(want, is_saved=self.phase != "idle")
        self.by = by
        self._site.order.moved(self)

    def stay_down(self, by: str) -> None:
        """Start it no more by itself, in this life of the daemon; what is wanted stays wanted."""
        self.retrying.pause()
        if self._then is True:
            self.by = by
            self.again(False)

    def tell_change(self, by: str) -> None:
        """Its definition, or what is wanted of it, was changed."""
        self._told.emit("changed", {"by": by})

    def come_up(self, by: str) -> None:
        """Start it, where it is wanted and nobody dealt with it in this boot."""
        if self.phase == "idle" and self.record.stood == "new" and self.want != "down":
            self._site.order.bring_along(self, is_by_hand=False)
            self.by = by
            self.machine.start()

    def keep(self) -> None:
        """Mind settings that were changed, as far as they count for what runs."""
        self.log.keep(self.settings.log)
        self.tending.keep()
        self._site.order.learn(self)

    def forget_when_down(self) -> None:
        """Forget the jail, now or as soon as it is down and nothing of it is left on the host."""
        self.forgetting.is_due = True
        if self.phase == "waiting":
            self.machine.stop(0.0)
        if self.is_down:
            self.retrying.pause()
            self.forgetting.begin()

    def mind_leftover(self) -> None:
        """Something of an earlier run is on the host: remove it before a start, or before the jail is forgotten."""
        self._removal.is_due = True

    def revive(self) -> None:
        """Start it once it is down; that is not written down: who finds it running shall leave it alone."""
        self._then = True

    def insist(self) -> None:
        """Remove it from the host though it may live, where that is not known."""
        self._mourning.insist()

    def condemn(self, why: str, by: str, timeout: float) -> None:
        """Stop a run that is no good; the restart rule says what follows."""
        self.by, self._doom = by, why
        self.machine.condemned(timeout)

    def keeper_lost(self) -> None:
        """The keeper does not answer any more."""
        self.execs.abandon()
        if self.is_watched:
            self.machine.orphaned()
        else:
            self.by = KEEPER
            self.machine.lost()

    def keeper_has(self, pid: int) -> None:
        """The keeper has, or took in, a process of the jail, and will tell how it ended."""
        if self.pid == pid:
            self._watching.entrust()

    # --- Core ---------------------------------------------------------------------------

    def ask(self, machine: Inputs) -> None:
        self.phase = "waiting"
        reason = self._site.order.admit(self)
        if reason:
            self.retrying.stand("new")
            self.show("waiting", reason=reason)
        else:
            machine.go()

    def withdraw(self) -> None:
        self.waiters.failed(Gone(f'jail "{self.id}" was stopped before it ran', jail=self.id))

    def launch(self, machine: Inputs) -> None:
        self._ending.forget()
        self.pid = 0
        self._then = None
        self._doom = ""
        self.retrying.pause()
        self.record.begin(self._site.uptime())
        self.started_at = self._site.now()
        try:
            self.record.save()
        except RunjdError as error:
            machine.launch_failed(error)
            return
        self._launching.begin(machine)

    def abort(self, timeout: float) -> None:
        self._then = False
        self._stopping.abort(timeout)
        self.waiters.failed(Gone(f'jail "{self.id}" was stopped before it ran', jail=self.id))

    def hurry(self, timeout: float) -> None:
        self._stopping.hurry(timeout)

    def take(self, launched: Launched, adopted: bool) -> None:
        self.pid, self.jid, self.terminal = launched.pid, launched.jid, launched.terminal
        self._ending.forget()
        self.retrying.pause()
        self._mourning.cancel()
        self._watching.begin(launched.pid, launched.start, launched.jid)
        self._site.metering.learn(self.id, launched.groups)
        self.record.take()
        self.init = InitProcess(self.log.intake, self._ending)
        before, self.notices = self.notices, launched.notices
        for notice in launched.notices:
            if notice not in before:  # a jail that crashes again and again does not fill the log
                self._log.warn("{notice}", notice=notice)
            self._told.emit("notice", {"text": notice, "by": self.by})
        told_by = others_of(launched.descriptors)
        self.init.listener = self.tending.begin(self.pid, told_by, adopted)
        connect(self._site, self.init, self.id, launched)

    def terminate(self, machine: Inputs, timeout: float | None) -> None:
        self.tending.end()
        if timeout is None:
            self.show("stopping")
        self._stopping.begin(timeout)

    def force(self) -> None:
        self._stopping.force()

    def remind(self) -> None:
        self._stopping.remind()

    def stay_alone(self) -> None:
        self._watching.stay_alone()

    def close(self, machine: Inputs, record: ExitRecord) -> None:
        if self.phase != "stopping":
            self.by = PROGRAM
        self._stopping.cancel()
        self.tending.end()
        self._ending.record = record = self._site.metering.judged(self.id, record, self.record.last_exit)
        self.phase = "stopping"
        if self.init is not None and self.init.transport is not None:
            self.init.transport.exited(record)
        else:
            self._ending.drained()
            self._ending.ended()

    def mourn(self, machine: Inputs, record: ExitRecord) -> None:
        self._mourning.begin(machine, record, self.is_leftover, bool(self.pid), is_inherited=not self.started_at)

    def delete(self, machine: Inputs) -> None:
        self._watching.stop()  # not before: who waits to be told of the end waits for it, too
        identity = self.pid, self._watching.start

        def removed() -> None:
            self._acknowledge(*identity)
            machine.deleted()

        def failed(error: RunjdError) -> None:
            self._acknowledge(*identity)
            machine.delete_failed(error)

        # absent: the last daemon came so far, and not further
        self._removal.begin(removed, removed, failed, at_once=not self.execs)

    def weigh(self, machine: Inputs, error: Exception | None) -> None:
        exit, then = self._ending.record, self._then
        lasted = 0.0 if exit is None else self.retrying.lasted(exit)
        self._put_down()
        if self.forgetting.fall_due(self.definition.remove and exit is not None and then is not True):
            machine.rested()
        elif error is None and then is not None:
            self.retrying.stand("idle" if self.want == "down" else "new")
            machine.rested()
        else:
            self._trouble = error if isinstance(error, RunjdError) else None
            self.retrying.decide(machine, Run(exit, lasted, self._doom if error is None else str(error)), self.want)
            unready(self, exit)

    def resume(self, machine: Inputs) -> None:
        self._put_down()
        record = self.record
        if self._then is True:  # the last daemon saw its end, and did not start it any more
            self.retrying.stand("new")
            machine.rested()
        elif record.stood == "started" and record.last_exit is not None and not self.forgetting.is_due:
            # the last daemon saw its end, and decided nothing
            self.retrying.decide(machine, Run(record.last_exit), self.want)
        else:
            record.save_if_possible()
            self.retrying.go_to(machine)

    def rest(self, machine: Inputs) -> None:
        then, self._then = self._then, None
        self.show("idle", reason=self.record.reason)
        self._tell_trouble()
        if not self.forgetting.finish() and then is True and self.want != "down":
            machine.start()

    def hold_off(self, machine: Inputs) -> None:
        self.by = RESTART
        self._wait("backoff")

    def give_up(self, machine: Inputs) -> None:
        self._wait("failed")

    def forgive(self) -> None:
        self.retrying.clear()
        self.retrying.stand("idle")

    def pause(self) -> None:
        self.retrying.pause()

    def unpause(self) -> None:
        self.retrying.arm()

    def again(self, wanted: bool) -> None:
        if self._then is True and not wanted:
            self.waiters.failed(Gone(f'jail "{self.id}" was stopped before it ran', jail=self.id))
        self._then = self.record.is_restarting = wanted
        self.record.save_if_possible()  # the next daemon brings it up, too

    def detach(self) -> None:
        self._launching.give_up()
        self._stopping.cancel()
        self.tending.end()
        self.retrying.pause()
        self._mourning.cancel()
        if self._then is True:
            self.waiters.failed(KeeperLost("the keeper was lost before the start; it is tried again"))
        self.execs.abandon()
        self._watching.stop()
        self._site.metering.learn(self.id, None)
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
            self._told.emit("state", {"from": before, "to": phase, "by": self.by, **details})
            self._site.order.moved(self)
        self.waiters.reached(self.facts)

    # --- inside -------------------------------------------------------------------------

    def _put_down(self) -> None:
        """Nothing of it runs."""
        self._stopping.cancel()
        self.init = None
        self._ending.forget()
        self.jid = 0
        self.record.is_expected = False
        self.log.intake.rest()

    def _wait(self, phase: str) -> None:
        """Tell that it is down, and wait until it is due, if it ever is."""
        self._then = None
        self.retrying.arm()
        next_in = self.retrying.next_in
        self.show(phase, next_in=None if next_in is None else f"{next_in:.1f}", reason=self.record.reason)
        self._tell_trouble()

    def _tell_trouble(self) -> None:
        """Tell whoever waited for a start that there was none; they find the jail where it was left."""
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            self.forgetting.fail(trouble)
            self.waiters.failed(trouble)

    def _acknowledge(self, pid: int, start: int) -> None:
        """Let the keeper forget the exit, once the next daemon would know of it without the keeper."""
        self.record.is_expected = False
        self.record.save_before(lambda: self._site.acks.give(self.id, "", pid, start))
