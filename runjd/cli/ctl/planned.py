"""The verb that shows what a start would do: plan."""

from __future__ import annotations

from runjd.cli.output import Cell, Column, to_values
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.cli.ctl.call import Call

_STYLES = {"start": "good", "wait": "bad", "keep": "dim"}


def plan(call: Call) -> int:
    """Write a table of the steps, those that are taken at a time with the same number."""
    records = call.client().ask(Request("", "PLAN", call.given.words("ID"))).records
    if call.is_json:
        call.put_json_array([_values(each) for each in records])
        return 0
    columns = [
        Column("STEP", right=True, always=True),
        Column("DOES", always=True),
        Column("JAIL", shrinks=True, always=True),
        Column("NOW", always=True),
        Column("WAITS FOR", shrinks=True),
    ]
    call.out.table(columns, [_row(each) for each in records])
    return 0


def _row(fields: Mapping[str, str]) -> list[Cell]:
    does = fields.get("does", "")
    waits = fields.get("reason", "").removeprefix("waiting for ") or fields.get("waits_for", "").replace(",", ", ")
    return [
        Cell(fields.get("step", "-")),
        Cell(does, _STYLES.get(does, "")),
        Cell(fields.get("jail", "")),
        Cell(fields.get("phase", "-")),
        Cell(waits or "-"),
    ]


def _values(fields: Mapping[str, str]) -> dict[str, object]:
    values = dict(to_values(fields))
    values["waits_for"] = fields["waits_for"].split(",") if fields.get("waits_for") else []
    return values
