"""The verb that shows who is attached to jails: sessions."""

from __future__ import annotations

from runjd.cli.output import Cell, Column, to_values
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.cli.ctl.call import Call

_COLUMNS = (
    Column("SESSION", right=True, always=True),
    Column("KIND", always=True),
    Column("JAIL", shrinks=True, always=True),
    Column("EXEC"),
    Column("BY", always=True),
    Column("INPUT", always=True),
    Column("PAUSED", spare=2),
    Column("LOST", right=True, spare=3),
    Column("SINCE", spare=1),
)


def sessions(call: Call) -> int:
    """Write a table of the sessions of one jail, or of all; or close one."""
    jail = call.given.argument("ID")
    if call.given.flag("close"):
        words = (jail,) if jail else ()
        answer = call.client().ask(Request("", "SESSIONS", words, {"close": call.given.value("close")}))
        if call.is_json:
            call.put_json(to_values(answer.fields))
        return 0
    records = call.client().ask(Request("", "SESSIONS", (jail,) if jail else ())).records
    if call.is_json:
        call.put_json_array([to_values(each) for each in records])
    elif records:
        call.out.table(list(_COLUMNS), [_row(each) for each in records])
    return 0


def _row(fields: Mapping[str, str]) -> list[Cell]:
    lost = fields.get("lost", "0")
    return [
        Cell(fields.get("session", "")),
        Cell(fields.get("kind", "")),
        Cell(fields.get("jail", "")),
        Cell(fields.get("exec", "-")),
        Cell(fields.get("by", "")),
        Cell(fields.get("input", ""), "good" if fields.get("input") == "yes" else "dim"),
        Cell(fields.get("paused", ""), "warn" if fields.get("paused") == "yes" else ""),
        Cell(lost, "warn" if lost != "0" else ""),
        Cell(fields.get("since", ""), "dim"),
    ]
