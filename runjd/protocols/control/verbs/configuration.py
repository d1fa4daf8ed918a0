"""The verb about the configuration: RELOAD."""

from __future__ import annotations

from collections.abc import Iterator

from runjd.config.difference import Difference
from runjd.config.faults import ConfigError
from runjd.policy.access import DAEMON
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_record, format_text
from runjd.protocols.control.verbs.arguments import Argument
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import yes

DRY_RUN = Argument("dry-run", yes, "yes|no")

#: faults that are shown; "runjctl check" shows all
_SHOWN = 1000


async def reload(call: Call) -> Reply:
    """RELOAD."""
    is_dry = call.arguments.get(DRY_RUN, default=False)
    try:
        found = await (call.configuration.compare() if is_dry else call.configuration.reload(call.by))
    except ConfigError as error:
        return Reply([], body=_faults(call.tag, error))
    numbers = {"added": len(found.added), "removed": len(found.removed), "changed": len(found.changed)}
    fields = [(key, str(number)) for key, number in {**numbers, "unchanged": found.unchanged}.items()]
    return Reply([*fields, ("applied", "no" if is_dry else "yes")], body=_records(call.tag, found))


def _faults(tag: str, error: ConfigError) -> Iterator[bytes]:
    """Yield each fault as a line of text, and fail."""
    for fault in error.faults[:_SHOWN]:
        yield from format_text(tag, str(fault).encode("utf-8", "surrogateescape"))
    raise error


def _records(tag: str, found: Difference) -> Iterator[bytes]:
    for word, jails in (("added", found.added), ("removed", found.removed)):
        for jail in jails:
            yield format_record(tag, [("jail", jail), ("change", word)])
    for each in found.changes:
        of = [("jail", each.jail)] if each.jail else []
        values = [("key", each.key), ("from", each.before), ("to", each.after), ("takes", each.takes)]
        yield format_record(tag, [*of, ("change", "changed"), *values])


VERBS = (
    Verb(
        "RELOAD", "admin", "Put in force what the files of the configuration say.", reload, (), (DRY_RUN,), about=DAEMON
    ),
)
