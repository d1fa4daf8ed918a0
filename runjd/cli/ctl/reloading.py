"""The verb that gives the daemon another configuration: reload."""

from __future__ import annotations

from runjd.cli.output import Cell, Column, to_values, visible
from runjd.errors import RunjdError
from runjd.protocols.control.reply import Record, Text
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.cli.ctl.call import Call

_TAKES = {"now": "now", "start": "at next start", "daemon": "needs restart of the daemon"}
_STYLES = {"added": "good", "removed": "bad"}


def reload(call: Call) -> int:
    """Put in force what the files say, or tell what would change; where they are wrong, tell all of it."""
    options = {"dry-run": "yes"} if call.given.flag("dry-run") else {}
    changes: list[Mapping[str, str]] = []
    faults: list[bytes] = []
    fields: Mapping[str, str] = {}
    try:
        for line in call.client().follow(Request("", "RELOAD", (), options)):
            if isinstance(line, Record):
                changes.append(line.fields)
            elif isinstance(line, Text):
                faults.append(line.data)
            else:
                fields = line.fields
    except RunjdError as error:
        if not faults or call.is_json:
            raise
        _tell(call, faults, error)
        return error.exit_status
    if call.is_json:
        call.put_json({**to_values(fields), "changes": [to_values(each) for each in changes]})
    else:
        if changes:
            _show(call, changes)
        counted = ", ".join([f"{fields.get(key, '0')} {key}" for key in ("added", "changed", "removed", "unchanged")])
        call.notice(f"{'would be: ' if options else ''}{counted}")
    if call.given.flag("restart") and not options:
        return _restart(call, list(dict.fromkeys([each["jail"] for each in changes if each.get("takes") == "start"])))
    return 0


def _restart(call: Call, jails: Sequence[str]) -> int:
    """Restart those of the jails that run; return the exit status of the first failure in their order."""
    statuses: dict[str, int] = {}
    for request, outcome in call.client().ask_all([Request("", "TRY-RESTART", (jail,)) for jail in jails]):
        jail = request.words[0]
        if isinstance(outcome, RunjdError):
            statuses[jail] = outcome.exit_status
            call.err.write(f"{call.err.styled('runjctl:', 'bad')} {visible(outcome.message)}\n")
        else:
            call.notice(f"{jail} is {outcome.fields.get('phase', 'restarted')}")
    return next((statuses[jail] for jail in jails if jail in statuses), 0)


def _tell(call: Call, faults: Sequence[bytes], error: RunjdError) -> None:
    """Write all that is wrong, one thing on a line."""
    for each in faults:
        call.err.line(visible(each.decode("utf-8", "surrogateescape")))
    hidden = int(error.details.get("faults", "0")) - len(faults)
    more = f" ({hidden} more faults; runjctl check shows all)" if hidden > 0 else ""
    call.err.write(f"{call.err.styled('runjctl:', 'bad')} the configuration stays as it was{more}\n")


def _show(call: Call, changes: Sequence[Mapping[str, str]]) -> None:
    columns = [
        Column("JAIL", always=True),
        Column("CHANGE", always=True),
        Column("FROM", shrinks=True),
        Column("TO", shrinks=True),
        Column("TAKES"),
    ]
    rows = []
    for each in changes:
        word = each.get("change", "")
        takes = {"added": "now", "removed": "now; it is stopped"}.get(word) or _TAKES.get(each.get("takes", ""), "")
        rows.append(
            [
                Cell(each.get("jail", "-")),
                Cell(each.get("key", word), _STYLES.get(word, "")),
                Cell(each.get("from", "")),
                Cell(each.get("to", "")),
                Cell(takes),
            ]
        )
    call.out.table(columns, rows)
