"""``runj exec``."""

from __future__ import annotations

import os

from runjd.cli.oci.log import tell
from runjd.cli.oci.pidfile import PidFile
from runjd.cli.oci.process import Consoles, wait
from runjd.container.stdio import Inherited
from runjd.errors import BadArgument, RunjdError, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from runjd.cli.oci.call import Call
    from runjd.container.operations import Operations
    from runjd.container.stdio import Io
    from runjd.spec.model import Process
else:
    import _signal


def execute(call: Call) -> int:
    """Run the process; return its exit status, or 0 at once where it is detached."""
    given = call.given
    passed = call.passed()
    if given.value("cgroup"):
        raise Unsupported("", "--cgroup is not supported: a process runs in the control groups of its container")
    operations = call.operations()
    process = _process(call, operations)
    consoles = Consoles(given.value("console-socket"))
    is_detached = given.flag("detach")
    io: Io | None = consoles.sent()
    if io is None and process.terminal:
        if is_detached:
            raise BadArgument("a detached process with a terminal needs --console-socket")
        io = consoles.relayed()
    with consoles.signals(), PidFile(given.value("pid-file")) as pid_file:
        started = operations.exec(
            call.id,
            process,
            io or Inherited(),
            f"exec{os.getpid()}",
            passed,
            while_paused=call.given.flag("ignore-paused"),
        )
        tell(started.notices)
        call.log.debug(f"executed {process.args[0]} in {call.id}, process {started.pid}")
        try:
            pid_file.write(started.pid)
        except (RunjdError, OSError):
            # nobody would know of it; ours and not reaped, so the pid is nobody else's
            os.kill(started.pid, _signal.SIGKILL)
            os.waitpid(started.pid, 0)
            raise
        return 0 if is_detached else wait(started.pid, consoles)


def _process(call: Call, operations: Operations) -> Process:
    words = call.given.words("COMMAND")
    file = call.given.value("process")
    if file and words:
        raise BadArgument("the command is given twice, by --process and as arguments")
    from runjd.cli.oci import exec_options as options

    if file:
        return options.change(options.read(file), call.given)
    if not words:
        raise BadArgument("there is no command to run; usage: runj exec [OPTIONS] ID COMMAND...")
    found = operations.process(call.id)
    return options.change(found._replace(args=words, terminal=False, console_size=None), call.given)
