"""Every verb there is, in the order of HELP."""

from __future__ import annotations

from runjd.protocols.control.verbs import (
    configuration,
    diagnosis,
    events,
    lifecycle,
    log,
    query,
    session,
    stream,
    usage,
)
from runjd.protocols.control.verbs.table import VerbTable


def all_verbs() -> VerbTable:
    """Return the table of verbs."""
    return VerbTable(
        (
            *session.VERBS,
            *query.VERBS,
            *usage.VERBS,
            *lifecycle.VERBS,
            *configuration.VERBS,
            *diagnosis.VERBS,
            *log.VERBS,
            *stream.VERBS,
            *events.VERBS,
        ),
    )
