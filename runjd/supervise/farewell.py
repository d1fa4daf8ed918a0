"""The end of a daemon whose jails go on."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred, DeferredList

from runjd.supervise.jail import Jail
from runjd.supervise.site import Site


def note_ends(jails: Iterable[Jail]) -> None:
    """Write down the ends that were told, so that the next daemon does not tell them again."""
    for jail in jails:
        if jail.has_ended:
            jail.record.save_if_possible()


def let_go(jails: Iterable[Jail], site: Site) -> Deferred[None]:
    """Read no more, and fire once all that was read is in the logs, and all that is to last on the disk."""
    jails = list(jails)
    for jail in jails:
        jail.detach()
    written: list[Deferred[None]] = []
    for jail in jails:
        done: Deferred[None] = Deferred()
        written.append(done)
        jail.log.intake.flush_everywhere(lambda done=done: done.callback(None))  # type: ignore[misc]
    written.append(site.lasting.settled())
    site.lasting.close()
    site.unwritten.close()
    return DeferredList(written).addCallback(lambda _: None)
