"""
Taking over what the keeper has: after a start of the daemon, and whenever the keeper was lost.

The keeper tells every process that lives or whose exit nobody acknowledged,
each exit behind its process, and then that this was all.  A jail that it does
not tell of has ended, or never began.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial

from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import RunjdError
from runjd.policy.facts import Definition, ExitRecord
from runjd.protocols.keeperreplies import Exited, Found, Launched
from runjd.supervise.causes import KEEPER, WANT
from runjd.supervise.definitions import Known, definition_from_json
from runjd.supervise.execution import watch
from runjd.supervise.jail import DOWN, Jail
from runjd.supervise.probes.program import PREFIX
from runjd.supervise.site import Site
from runjd.supervise.watched import spools_of

_SIGKILL = 9


class Adoption:
    """
    The keeper's listener.

    :param jails: by id; jails that are only known to the keeper are added.
    :param make_jail: makes one whose life is unknown.
    :param when_ready: called each time all was told.
    :param when_lost: called when the keeper is lost, with the reason and how many jails the daemon watches itself.
    """

    _log = Logger()

    def __init__(
        self,
        site: Site,
        jails: dict[str, Jail],
        make_jail: Callable[[Known], Jail],
        when_ready: Callable[[], None],
        when_lost: Callable[[str, int], None],
    ) -> None:
        self._site = site
        self._jails = jails
        self._make_jail = make_jail
        self._when_ready = when_ready
        self._when_lost = when_lost
        self._leftovers: list[str] = []
        self._unrecorded: set[str] = set()

    def process_found(self, found: Found) -> None:
        if self._site.acks.was_given(found.jail, found.exec_id, found.pid, found.start):
            _close(found.descriptors.values())  # the keeper that should have forgotten it was killed; its end follows
            return
        launched = Launched(found.pid, found.start, found.jid, found.terminal, found.descriptors, tuple(found.notices))
        try:
            if found.exec_id:
                self._adopt_exec(found, launched)
            else:
                self._adopt_init(found, launched)
        except Exception:
            self._log.failure("cannot adopt process {pid} of jail {jail}", pid=found.pid, jail=found.jail)

    def process_exited(self, exited: Exited) -> None:
        jail = self._jails.get(exited.jail)
        record = exited.record
        if exited.exec_id:
            process = jail.execs.get(exited.exec_id) if jail is not None else None
            if process is not None and process.transport is not None and process.transport.pid == record.pid:
                process.transport.exited(record)
                return
        elif jail is not None and jail.pid == record.pid and jail.init is not None:
            if exited.jail in self._unrecorded:
                # The last daemon had forgotten it, and died before the keeper heard that: it does not come back.
                jail.forgetting.is_due = True
            jail.machine.exited(record)
            return
        self._site.spawner.ack(exited.jail, exited.exec_id, record.pid)  # nobody's, or dealt with before

    def leftover_found(self, jail: str) -> None:
        self._leftovers.append(jail)

    def keeper_troubled(self, reason: str) -> None:
        self._site.degradation.tell("keeper", f"the keeper: {reason}" if reason else "")

    def ready(self) -> None:
        self._unrecorded.clear()
        found = frozenset(self._leftovers)
        leftovers = [id for id in self._leftovers if self._is_nobodys(id)]
        self._leftovers.clear()
        for jail in list(self._jails.values()):
            if jail.phase == "unknown":
                jail.by = KEEPER
                jail.is_leftover = jail.id in found
                if jail.record.is_expected:
                    jail.machine.vanished(ExitRecord(jail.pid, None, None, self._site.now()))
                else:
                    jail.machine.missing()
            elif jail.phase == "running" and jail.want == "down":
                jail.by = WANT
                self._site.order.stop(jail, partial(jail.machine.stop, jail.settings.stop.timeout))
            elif jail.is_restarting:
                jail.machine.restart(jail.settings.stop.timeout)
            else:
                jail.machine.regained()
        for id in leftovers:
            self._clear(id)
        self._when_ready()

    def keeper_lost(self, reason: str) -> None:
        self._leftovers.clear()
        self._unrecorded.clear()
        self.keeper_troubled("")
        jails = list(self._jails.values())
        self._when_lost(reason, sum(jail.is_watched for jail in jails))
        for jail in jails:
            jail.keeper_lost()

    # --- inside -----------------------------------------------------------------

    def _adopt_init(self, found: Found, launched: Launched) -> None:
        jail = self._jails.get(found.jail)
        if jail is None:
            ago = max(0.0, self._site.now() - self._told_start(found))  # by the clock: nothing else is known of it
            started = max(0.0, self._site.uptime() - ago)
            jail = self._make_jail(Known(_definition_of(found), "up", True, started=started))
            self._jails[found.jail] = jail
            self._unrecorded.add(found.jail)
        if jail.phase not in ("unknown", *DOWN):
            jail.keeper_has(found.pid)  # we have our own descriptors of it
            if found.terminal and not found.descriptors:
                self._hand_over_terminal(jail, found.pid)
            self._take_spools(jail, found)
            return
        jail.started_at = self._told_start(found)
        jail.record.is_expected = True
        jail.by = KEEPER
        jail.machine.adopted(launched)

    def _told_start(self, found: Found) -> float:
        """Return when it was started, in wall time, as its daemon told the keeper."""
        at = found.note.get("at")
        return float(at) if isinstance(at, int | float) else self._site.now()

    def _take_spools(self, jail: Jail, found: Found) -> None:
        """Read what the keeper read meanwhile; of the rest we have descriptors of our own."""
        process = jail.init.transport if jail.init is not None else None
        spools = spools_of(found.descriptors)
        if process is None or process.pid != found.pid:
            _close(found.descriptors.values())
            return
        for child_fd, fd in spools.items():
            process.precede(child_fd, fd)
        _close(set(found.descriptors.values()) - set(spools.values()))

    def _hand_over_terminal(self, jail: Jail, pid: int) -> None:
        """Let the keeper hold what only we have of a process whose own keeper was killed."""
        process = jail.init.transport if jail.init is not None else None
        if process is not None and process.pid == pid:
            self._site.spawner.hold(jail.id, pid, process.descriptor_of_terminal)

    def _adopt_exec(self, found: Found, launched: Launched) -> None:
        jail = self._jails.get(found.jail)
        if jail is None or not jail.is_running or found.exec_id in jail.execs:
            _close(found.descriptors.values())
            return
        if found.exec_id.startswith(PREFIX):  # nobody waits for the answer any more
            _close(found.descriptors.values())
            self._site.spawner.signal(found.jail, _SIGKILL, exec_id=found.exec_id).addErrback(_passed_over)
            return
        process = watch(self._site, jail, found.exec_id, launched)
        if not found.note.get("detached"):
            process.await_return(self._site.reactor)

    def _is_nobodys(self, id: str) -> bool:
        """Whether no jail is, or was, about to deal with what is left in this name."""
        jail = self._jails.get(id)
        return jail is None or (jail.phase in ("unknown", *DOWN) and not jail.record.is_expected)

    def _clear(self, id: str) -> None:
        """Remove what is left of a container that nobody runs."""

        def failed(failure: Failure) -> None:
            self._log.error("what is left of {jail} cannot be removed: {error}", jail=id, error=failure.value)
            jail = self._jails.get(id)
            if jail is not None:
                jail.mind_leftover()

        text = "something was left of an earlier run; it is removed"
        self._log.warn("{jail}: {text}", jail=id, text=text)
        self._site.events.emit(id, "notice", {"text": text})
        removed = self._site.clearing.begin(id, lambda: self._site.spawner.delete(id, force=True))
        removed.addErrback(failed)


def _definition_of(found: Found) -> Definition:
    try:
        return definition_from_json(found.note.get("definition"))
    except (ValueError, RunjdError):
        return Definition(id=found.jail, bundle="", runtime="", size=(24, 80) if found.terminal else None)


def _passed_over(failure: Failure) -> None:
    """It is gone already, or the keeper is lost again."""


def _close(descriptors: Iterable[int]) -> None:
    for fd in descriptors:
        os.close(fd)
