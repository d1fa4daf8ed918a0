"""``runj create`` and ``runj run``."""

from __future__ import annotations

import os

from runjd.cli.runj_process import Consoles, wait, write_pid_file
from runjd.container.bundle import read_bundle
from runjd.container.stdio import Inherited
from runjd.errors import BadArgument, RunjdError
from runjd.runtime.choose import default
from runjd.spec.lightjson import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.options import Given
    from runjd.container.operations import Operations
    from runjd.container.state import State
    from runjd.container.stdio import Io


def create(operations: Operations, given: Given) -> None:
    """Make the container, and leave it waiting."""
    consoles = Consoles(given.value("console-socket"))
    _create(operations, given, consoles.sent() or Inherited(), start=False)


def run(operations: Operations, given: Given) -> int:
    """Make and start the container; return the exit status of its program, after it was deleted."""
    from runjd.cli.runj import tell

    consoles = Consoles(given.value("console-socket"))
    io: Io | None = consoles.sent()
    if io is None:
        io = consoles.relayed() if _wants_terminal(_bundle(given)) else Inherited()
    with consoles.signals():
        state = _create(operations, given, io, start=True)
        tell(state.notices)
        try:
            return wait(state.pid, consoles)
        finally:
            operations.delete(state.id, force=True)


def _create(operations: Operations, given: Given, io: Io, *, start: bool) -> State:
    runtime = given.value("runtime") or default()
    state = operations.create(given.argument("ID"), _bundle(given), io, runtime=runtime, start=start)
    if given.value("pid-file"):
        try:
            write_pid_file(given.value("pid-file"), state.pid)
        except (RunjdError, OSError):
            operations.delete(state.id, force=True)
            raise
    return state


def _bundle(given: Given) -> str:
    if given.value("bundle") and given.argument("DIR"):
        raise BadArgument("the bundle is given twice, by --bundle and as an argument")
    return given.value("bundle") or given.argument("DIR") or os.getcwd()


def _wants_terminal(bundle: str) -> bool:
    """Look ahead, before a container exists; what else is wrong with the bundle ``create`` will say."""
    try:
        document = loads(read_bundle(bundle).document)
        return document["process"]["terminal"] is True  # type: ignore[index]
    except (RunjdError, ValueError, LookupError, TypeError, RecursionError):
        return False
