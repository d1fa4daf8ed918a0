"""``runj ps``: the processes of a container, as the host's ps(1) shows them."""

from __future__ import annotations

import os
import posix
import sys

from runjd.container.bundle import read_all
from runjd.errors import BadArgument, NotFound, RuntimeFailure
from runjd.spec.lightjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runjd.cli.oci.call import Call

#: all processes, by lines however long; what -ef says on Linux means something else to the ps of BSD
_DEFAULT = ("-ef",) if sys.platform == "linux" else ("-auxww",)
_LIMIT = 64 << 20


def processes(call: Call) -> int:
    """Print a JSON array of pids, or what ps(1) says of them."""
    pids = call.operations().processes(call.id)
    if call.given.value("format") == "json":
        sys.stdout.write(dumps(list(pids)) + "\n")
    else:
        sys.stdout.write(selected(_ps(call.given.words("PS-OPTION") or _DEFAULT), pids))
    return 0


def selected(table: str, pids: Collection[int]) -> str:
    """
    Return the heading of a table of processes, and the lines of some of them. Pure.

    :raise BadArgument: it has no column PID.
    """
    lines = table.splitlines(keepends=True)
    columns = lines[0].split() if lines else []
    if "PID" not in columns:
        raise BadArgument("ps prints no column PID with these options, so nobody can tell whose processes they are")
    at = columns.index("PID")
    wanted = {str(each) for each in pids}
    return lines[0] + "".join(line for line in lines[1:] if wanted & set(line.split()[at : at + 1]))


def _ps(options: Sequence[str]) -> str:
    """Return what ps(1) of the host prints."""
    ours, theirs = os.pipe()
    try:
        try:
            pid = os.posix_spawnp(
                "ps", ["ps", *options], posix.environ, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1)]
            )
        except FileNotFoundError:
            raise NotFound("this host has no program ps; --format json needs none") from None
        finally:
            os.close(theirs)
        text = read_all(ours, _LIMIT)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(ours)
    if status:
        raise RuntimeFailure(f"run ps {' '.join(options)}", f"it ended with status {status}")
    return text.decode("utf-8", "surrogateescape")
