"""The verbs that show jails: list, status, show."""

from __future__ import annotations

from runjd.cli.ctl.detail import STYLES, details, ending, outcome, span
from runjd.cli.output import Cell, Column, to_values
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.cli.ctl.call import Call

_FACT_STYLES = {"yes": "good", "no": "warn", "healthy": "good", "unhealthy": "bad", "starting": "warn", "-": "dim"}

#: phases that somebody should look at
_BAD = frozenset({"backoff", "failed", "unknown"})
#: what makes a word a pattern
_WILD = frozenset("*?[")
#: more jails than these are also counted, for people
_COUNTED = 10


def list_jails(call: Call) -> int:
    """Write a table of all jails, or their ids."""
    records = call.client().ask(Request("", "LIST")).records
    if call.given.flag("quiet"):
        call.out.write("".join(f"{each.get('jail', '')}\n" for each in records))
    elif call.is_json:
        call.put_json_array([to_values(each) for each in records])
    else:
        _table(call, records, is_long=False)
    return 0


def status(call: Call) -> int:
    """Write a table of some jails, or of all, with what supervision knows; of one that is named alone, all of that."""
    words = call.given.words("ID")
    if len(words) == 1 and _WILD.isdisjoint(words[0]) and not call.is_json and not call.given.flag("failed"):
        answer = call.client().ask(Request("", "SHOW", words))
        call.pass_degraded(answer.fields)
        [fields] = answer.records
        stats = call.client().ask(Request("", "STATS", words)).records
        call.out.pairs(details(fields, stats[0] if stats else {}))
        return 0
    answer = call.client().ask(Request("", "STATUS", words))
    records: Sequence[Mapping[str, str]] = answer.records
    call.pass_degraded(answer.fields)
    if call.given.flag("failed"):
        records = [each for each in records if _is_bad(each)]
    if call.is_json:
        call.put_json_array([to_values(each) for each in records])
    elif records or not (words or call.given.flag("failed")):
        _table(call, records, is_long=True)
    return 0


def show(call: Call) -> int:
    """Write all that is known of one jail."""
    answer = call.client().ask(Request("", "SHOW", (call.given.argument("ID"),)))
    call.pass_degraded(answer.fields)
    fields: dict[str, str] = {}
    for record in answer.records:
        fields.update(record)
    if call.is_json:
        call.put_json(to_values(fields))
    else:
        call.out.pairs((key, _fact(key, text)) for key, text in fields.items())
    return 0


def _table(call: Call, records: Sequence[Mapping[str, str]], is_long: bool) -> None:
    if not records:
        if call.out.is_terminal:
            call.notice("there are no jails; runjctl run BUNDLE makes one, and so does a table in runjd.toml(5)")
        return
    columns = [
        Column("JAIL", shrinks=True, always=True),
        Column("STATUS", always=True, spare=5),
        Column("PHASE", always=True),
        Column("WANT", always=is_long, spare=4),
        Column("READY", spare=1),
        Column("HEALTH", spare=1),
        Column("PID", right=True, always=True),
        Column("JID", right=True, spare=3),
        Column("UP", right=True, always=is_long),
        Column("RESTARTS", right=True, always=is_long, spare=2),
        Column("EXIT"),
        Column("REASON", shrinks=True),
    ]
    rows = [_row(fields) for fields in records]
    call.out.table(columns, rows)
    if call.out.is_terminal and len(records) > _COUNTED:
        counts: dict[str, int] = {}
        for fields in records:
            counts[fields.get("phase", "-")] = counts.get(fields.get("phase", "-"), 0) + 1
        unhealthy = sum(each.get("health") == "unhealthy" for each in records)
        parts = [call.out.styled(f"{n} {phase}", STYLES.get(phase, "")) for phase, n in sorted(counts.items())]
        if unhealthy:
            parts.append(call.out.styled(f"{unhealthy} unhealthy", "bad"))
        bad = sum(map(_is_bad, records))
        hint = f"; --failed shows {bad} of them" if is_long and 0 < bad < len(records) else ""
        call.out.line(f"{len(records)} jails: {', '.join(parts)}{hint}")


def _row(fields: Mapping[str, str]) -> list[Cell]:
    phase = fields.get("phase", "-")
    restarts = fields.get("restarts", "-")
    return [
        Cell(fields.get("jail", "")),
        Cell(fields.get("status", "-")),
        Cell(phase, STYLES.get(phase, "")),
        Cell(fields.get("want", "-")),
        _fact("ready", fields.get("ready", "-")),
        _fact("health", fields.get("health", "-")),
        Cell(fields.get("pid", "-")),
        Cell(fields.get("jid", "-")),
        Cell(span(fields.get("up", "-"))),
        Cell(restarts, "warn" if restarts not in ("0", "-") else ""),
        Cell(ending(fields), "dim" if "pid" in fields else "" if outcome(fields) in ("", "0") else "bad"),
        Cell(_reason(fields), "dim"),
    ]


def _is_bad(fields: Mapping[str, str]) -> bool:
    """Whether somebody should look at it."""
    return fields.get("phase") in _BAD or fields.get("health") == "unhealthy"


def _fact(key: str, text: str) -> Cell:
    if key == "phase":
        return Cell(text, STYLES.get(text, ""))
    if key in ("ready", "health"):
        return Cell(text, _FACT_STYLES.get(text, ""))
    if key == "up":
        return Cell(span(text))
    return Cell(text)


def _reason(fields: Mapping[str, str]) -> str:
    reason = fields.get("reason", "")
    if soon := fields.get("next_in", ""):
        reason = f"again in {span(soon)}" + (f"; {reason}" if reason else "")
    return reason
