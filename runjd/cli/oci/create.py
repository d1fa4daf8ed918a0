"""``runj create`` and ``runj run``."""

from __future__ import annotations

import os

from runjd.cli.oci.log import tell
from runjd.cli.oci.pidfile import PidFile
from runjd.cli.oci.process import Consoles, wait
from runjd.container.failure import Step
from runjd.container.stdio import Either, Inherited
from runjd.errors import BadArgument, RunjdError, Unsupported
from runjd.runtime.choose import chosen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call
    from runjd.container.operations import Operations
    from runjd.container.passing import Passed
    from runjd.container.state import State
    from runjd.container.stdio import Io

_LEAVE_OUT = "leave it out: engines do so with --cgroup-manager cgroupfs"


def create(call: Call) -> int:
    """Make the container, and leave it waiting."""
    passed = call.passed()
    consoles = Consoles(call.given.value("console-socket"))
    _create(call, call.operations(), consoles.sent() or Inherited(), passed, start=False)
    return 0


def run(call: Call) -> int:
    """Make and start the container; return the exit status of its program, after it was deleted, or 0 at once."""
    passed = call.passed()
    is_detached = call.given.flag("detach")
    consoles = Consoles(call.given.value("console-socket"))

    def shown() -> Io:
        if is_detached:
            raise BadArgument("process.terminal is true: to detach from it, give a console socket (--console-socket)")
        return consoles.relayed()

    io = consoles.sent() or Either(Inherited, shown)
    operations = call.operations()
    with consoles.signals():
        state = _create(call, operations, io, passed, start=True)
        tell(state.notices)
        if is_detached:
            return 0
        # for the end, while the program runs
        from runjd.container import delete, destroy  # noqa: F401

        try:
            return wait(state.pid, consoles)
        finally:
            if not call.given.flag("keep"):
                operations.delete(state.id, force=True)


def _create(call: Call, operations: Operations, io: Io, passed: Passed, *, start: bool) -> State:
    runtime = chosen(call.given.value("runtime"))
    if call.given.flag("systemd-cgroup") and runtime != "linux":
        raise Unsupported("", f"--systemd-cgroup is not supported on the {runtime} runtime; {_LEAVE_OUT}")
    with PidFile(call.given.value("pid-file")) as pid_file:
        state = operations.create(call.id, _bundle(call), io, runtime=runtime, start=start, passed=passed)
        try:
            pid_file.write(state.pid)
        except (RunjdError, OSError):
            operations.delete(state.id, force=True)
            raise
    call.log.debug(f"created {state.id} of {state.bundle} by the {runtime} runtime, process {state.pid}")
    return state


def _bundle(call: Call) -> str:
    given = call.given
    if given.value("bundle") and given.argument("DIR"):
        raise BadArgument("the bundle is given twice, by --bundle and as an argument")
    named = given.value("bundle") or given.argument("DIR")
    if named:
        return named
    with Step("find the bundle in the working directory"):
        return os.getcwd()
