"""``runj state`` and ``runj list``: containers for people and programs. Pure."""

from __future__ import annotations

import time

from runjd.container.state import to_document
from runjd.spec.lightjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.container.state import State


def state(found: State) -> str:
    """Return the state document of the specification, for people to read, too."""
    lines = [f"  {dumps(name)}: {dumps(value)}" for name, value in to_document(found).items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def containers(found: Sequence[State], format: str, quiet: bool) -> str:
    """Return all containers: their ids, a JSON array, or a table."""
    if quiet:
        return "".join(f"{each.id}\n" for each in found)
    if format == "json":
        documents = [to_document(each) | {"created": _time(each.created), "runtime": each.runtime} for each in found]
        return "[\n" + ",\n".join(f"  {dumps(each)}" for each in documents) + "\n]\n"
    rows = [("ID", "PID", "STATUS", "BUNDLE", "CREATED")]
    rows += [(each.id, str(each.pid or "-"), each.status, each.bundle, _time(each.created)) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "".join("  ".join([*map(str.ljust, row, widths), row[-1]]) + "\n" for row in rows)


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
