"""Having the keeper create and start a jail."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from runjd.errors import RunjdError
from runjd.policy.facts import Definition
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.definitions import definition_to_json
from runjd.supervise.ready.readiness import asked_of_keeper
from runjd.supervise.removal import Removal, explained
from runjd.supervise.site import Site


def launch(
    site: Site,
    definition: Definition,
    removal: Removal,
    launched: Callable[[Launched], None],
    failed: Callable[[RunjdError], None],
    broken: Callable[[Failure], None],
) -> None:
    """
    Start a jail; what an earlier removal left is removed first.

    :param broken: told of faults of ours.
    """
    note = {"definition": definition_to_json(definition), "at": site.now(), "run": site.run_id}

    def ask(_: None) -> Deferred[Launched]:
        return site.spawner.run(
            definition.id,
            definition.bundle,
            definition.runtime,
            stdin=definition.stdin,
            size=definition.size,
            note=note,
            ready=asked_of_keeper(definition.settings.ready),
        )

    def run() -> None:
        asked = site.bundles.fresh(definition.bundle).addCallback(ask)
        asked.addCallbacks(launched, lambda failure: failed(explained(failure))).addErrback(broken)

    def begin(_: None) -> None:
        if removal.is_due:
            removal.begin(run, run, failed, force=True)
        else:
            run()

    site.clearing.over(definition.id).addCallback(begin).addErrback(broken)
