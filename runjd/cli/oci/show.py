"""``runj state`` and ``runj list``: containers for people and programs."""

from __future__ import annotations

import sys
import time

from runjd.container.state import to_document
from runjd.spec.lightjson import dumps
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.cli.oci.call import Call
    from runjd.container.state import State


def state(call: Call) -> int:
    """Print the state document of the specification, for people to read, too."""
    document = to_document(call.operations().state(call.id))
    lines = [f"  {dumps(name)}: {dumps(value)}" for name, value in document.items()]
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
    return 0


def containers(call: Call) -> int:
    """Print all containers: their ids, a JSON array, or a table."""
    found = call.operations().list()
    if call.given.flag("quiet"):
        sys.stdout.write("".join(f"{each.id}\n" for each in found))
    elif call.given.value("format") == "json":
        sys.stdout.write(
            "[\n" + ",\n".join(f"  {dumps(_record(each))}" for each in found) + "\n]\n" if found else "[]\n"
        )
    else:
        sys.stdout.write(table(found))
    return 0


def table(found: Sequence[State]) -> str:
    """Return the containers in columns. Pure."""
    rows = [("ID", "PID", "STATUS", "BUNDLE", "CREATED")]
    for each in found:
        pid = to_document(each).get("pid", "-")
        bundle = each.bundle if each.bundle.isprintable() else quoted(each.bundle)
        rows.append((each.id, str(pid), each.status, bundle, _time(each.created)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "".join("  ".join([*map(str.ljust, row, widths), row[-1]]) + "\n" for row in rows)


def _record(found: State) -> dict[str, object]:
    more: dict[str, object] = {"created": _time(found.created), "runtime": found.runtime}
    if found.root:
        more["rootfs"] = found.root
    return to_document(found) | more


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
