"""Having the keeper create and start a jail."""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from runjd.errors import KeeperLost, RunjdError
from runjd.supervise.definitions import definition_to_json
from runjd.supervise.inputs import Inputs
from runjd.supervise.ready.readiness import asked_of_keeper
from runjd.supervise.record import Record
from runjd.supervise.removal import Removal, explained
from runjd.supervise.site import Site
from runjd.supervise.told import Told
from runjd.supervise.waiters import Waiters


class Launching:
    """
    One start after another of one jail.

    :param told: told of faults of ours.
    """

    __slots__ = ("_attempt", "_record", "_removal", "_site", "_told", "_waiters")

    def __init__(self, site: Site, record: Record, removal: Removal, waiters: Waiters, told: Told) -> None:
        self._site = site
        self._record = record
        self._removal = removal
        self._waiters = waiters
        self._told = told
        self._attempt = 0  # which start counts; one that was given up goes no further

    def begin(self, machine: Inputs) -> None:
        """Start it, and tell the machine; what an earlier removal left is removed first."""
        self.give_up()
        is_current = partial(self._is_current, self._attempt)
        site, definition = self._site, self._record.definition
        note = {"definition": definition_to_json(definition), "at": site.now(), "run": site.run_id}

        def failed(error: RunjdError) -> None:
            if isinstance(error, KeeperLost):
                self._waiters.failed(error)  # the machine hears that the keeper is lost
            elif is_current():
                machine.launch_failed(error)

        def ask(_: None) -> Deferred[None] | None:
            if not is_current():
                return None
            asked = site.spawner.run(
                definition.id,
                definition.bundle,
                definition.runtime,
                stdin=definition.stdin,
                size=definition.size,
                note=note,
                ready=asked_of_keeper(definition.settings.ready),
            )
            return asked.addCallbacks(machine.launched, refused)

        def refused(failure: Failure) -> None:
            failed(explained(failure))

        def run() -> None:
            if is_current():
                fresh = site.bundles.fresh(definition.bundle)
                fresh.addCallbacks(ask, refused).addErrback(self._told.broken)

        def begin(_: None) -> None:
            if not is_current():
                return
            if self._removal.is_due:
                self._removal.begin(run, run, failed, force=True)
            else:
                run()

        site.clearing.over(definition.id).addCallback(begin).addErrback(self._told.broken)

    def give_up(self) -> None:
        """A start that is under way, and was not asked of the keeper yet, is not gone on with."""
        self._attempt += 1

    def _is_current(self, attempt: int) -> bool:
        return attempt == self._attempt
