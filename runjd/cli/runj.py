"""
runj: the OCI runtime as a command, without a daemon.

Each call is a process of its own, several for each container, so a verb imports
what it needs when it runs.  Engines read what goes wrong from standard error or
from ``--log``: one line, one JSON object.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from runjd.errors import BadArgument, RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence

    from runjd.cli.options import Given
    from runjd.container.operations import Operations
else:
    import _signal

#: verbs whose process enters a container, where a program could write to our interpreter
_ENTERING = ("create", "run", "exec")


def main(argv: Sequence[str]) -> int:
    """
    Run one command.

    :param argv: the words behind the program's name.
    :return: the exit status: 0, that of the program of ``run`` and ``exec``, else 1.
    """
    log = _Log()
    try:
        return _run(argv, log)
    except RunjdError as error:
        return log.fail(str(error))
    except OSError as error:
        return log.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except KeyboardInterrupt:
        return log.fail("interrupted")
    except Exception as error:
        if log.debug:
            sys.excepthook(type(error), error, error.__traceback__)
        return log.fail(f"this is a bug of runj ({type(error).__name__}: {error}); --debug shows where")


def tell(notices: Sequence[str]) -> None:
    """Say on standard error what the operator must know; where nobody listens, that is no reason to fail."""
    for each in notices:
        try:
            os.write(2, f"runj: {each}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return


class _Log:
    """Where failures go, as far as the command line said so yet."""

    def __init__(self) -> None:
        self.path = ""
        self.format = ""
        self.debug = False

    def take(self, given: Given) -> None:
        """Learn what the command line says."""
        self.path = given.value("log")
        self.format = given.value("log-format")
        self.debug = given.flag("debug")

    def fail(self, message: str) -> int:
        """Tell of the failure, and return the exit status."""
        tell([message])
        if self.path:
            from runjd.cli.runj_log import write_error

            try:
                write_error(self.path, self.format, message)
            except OSError:
                # nowhere left to say it
                pass
        return 1


def _run(argv: Sequence[str], log: _Log) -> int:
    if _may_enter(argv):
        # at once, as all that was done before is done again; a word that only looks like a verb costs some milliseconds
        from runjd.runtime.sealed import seal

        seal()
    from runjd.cli.options import leading, parse, usage
    from runjd.cli.runj_table import PROGRAM
    from runjd.container.stdio import open_missing

    open_missing()
    # ignored, as some parents leave it, it would take the exit statuses of our children
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    log.take(leading(PROGRAM, argv))
    given = parse(PROGRAM, argv)
    if given.help:
        sys.stdout.write(usage(PROGRAM, given.verb))
        return 0
    if given.flag("version"):
        from runjd import __version__
        from runjd.spec.version import VERSION

        sys.stdout.write(f"runj version {__version__}\nspec: {VERSION}\n")
        return 0
    if not given.verb:
        raise BadArgument(f"no verb given; there are {', '.join(each.name for each in PROGRAM.verbs)}")
    return _operate(given)


def _may_enter(argv: Sequence[str]) -> bool:
    """Whether a container of namespaces may be entered: no name or word of a program can make that look otherwise."""
    if "exec" in argv:
        # the container's own runtime counts, whatever is said here
        return True
    is_plain = "--runtime=plain" in argv or ("--runtime", "plain") in pairwise(argv)
    return not is_plain and any(verb in argv for verb in _ENTERING)


def _operate(given: Given) -> int:
    operations = _operations(given)
    container = given.argument("ID")
    match given.verb:
        case "start":
            tell(operations.start(container).notices)
        case "kill":
            from runjd.spec.signals import signal_number

            operations.kill(container, signal_number(given.argument("SIGNAL", "TERM")), given.flag("all"))
        case "delete":
            operations.delete(container, given.flag("force"))
        case "state":
            from runjd.cli import runj_show

            sys.stdout.write(runj_show.state(operations.state(container)))
        case "list":
            from runjd.cli import runj_show

            sys.stdout.write(runj_show.containers(operations.list(), given.value("format"), given.flag("quiet")))
        case "create":
            from runjd.cli import runj_create

            runj_create.create(operations, given)
        case "run":
            from runjd.cli import runj_create

            return runj_create.run(operations, given)
        case "exec":
            from runjd.cli import runj_exec

            return runj_exec.execute(operations, given)
    return 0


def _operations(given: Given) -> Operations:
    import time

    from runjd.cli.runj_table import DEFAULT_ROOT
    from runjd.container.operations import Operations
    from runjd.runtime.choose import RUNTIMES

    return Operations(given.value("root", DEFAULT_ROOT), RUNTIMES, time.time)
