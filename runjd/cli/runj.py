"""
runj: the OCI runtime as a command, without a daemon.

Each call is a process of its own, several for each container, so a verb imports
what it needs when it runs.  Engines read what goes wrong from standard error or
from ``--log``: one line, one JSON object.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.cli.oci.call import Call
    from runjd.cli.oci.log import Log
    from runjd.cli.options import Given

#: verbs whose process enters a container, where a program could write to our interpreter
_ENTERING = ("create", "run", "exec")
#: that many modules may be missing in the pack of a sort of call, before it is worth 30 ms to make it anew
_FEW = 8
#: exit status of an exec that failed itself, and not its program; as runc's
_EXEC_FAILED = 255


def main(argv: Sequence[str]) -> int:
    """
    Run one command.

    :param argv: the words behind the program's name.
    :return: the exit status: 0, that of the program of ``run`` and ``exec``, 255 where ``exec`` failed itself, else 1.
    """
    # What is made lives as long as we do; to look for garbage in it takes a tenth of the time.
    gc.disable()
    from runjd.bytecode import installed
    from runjd.light_os import lighten_os

    lighten_os()
    finder = installed()
    if finder is None:
        return _main(argv)
    sort = "runj-enters" if _may_enter(argv) else "runj"
    finder.take(sort)
    try:
        return _main(argv)
    finally:
        if finder.missed > _FEW and not sys.dont_write_bytecode:
            from runjd.pack import keep

            keep(finder, sort)


def _main(argv: Sequence[str]) -> int:
    # before anything else: what is loaded before may be loaded twice
    unsealed = _seal(argv)
    from runjd.cli.oci.log import Log
    from runjd.errors import RunjdError

    log = Log()
    try:
        status = _run(argv, log, unsealed)
        log.debug(f"ended with status {status}")
        return status
    except RunjdError as error:
        return log.fail(str(error))
    except OSError as error:
        return log.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except KeyboardInterrupt:
        return log.fail("interrupted")
    except Exception as error:
        if log.is_debugging:
            sys.excepthook(type(error), error, error.__traceback__)
        return log.fail(f"this is a bug of runj ({type(error).__name__}: {error}); --debug shows where")


def _seal(argv: Sequence[str]) -> Exception | None:
    """See to it that no container can write to our interpreter; return why that cannot be."""
    if not _may_enter(argv):
        return None
    from runjd.runtime.sealed import seal

    try:
        seal()
    except Exception as error:
        return error
    return None


def _may_enter(argv: Sequence[str]) -> bool:
    """
    Whether a container of namespaces may be entered: no name or word of a program can make that look otherwise.

    A word that only looks like a verb costs some milliseconds.
    """
    if "exec" in argv:
        # the container's own runtime counts, whatever is said here
        return True
    pairs = zip(argv, argv[1:], strict=False)  # noqa: RUF007 # itertools would have to be loaded
    is_plain = "--runtime=plain" in argv or ("--runtime", "plain") in pairs
    return not is_plain and any(verb in argv for verb in _ENTERING)


def _run(argv: Sequence[str], log: Log, unsealed: Exception | None) -> int:
    import _signal  # type: ignore[import-not-found]
    import os

    from runjd.cli.oci.table import PROGRAM
    from runjd.cli.options import leading, parse, usage
    from runjd.errors import BadArgument
    from runjd.kernel.opening import open_missing

    open_missing()
    # ignored, as some parents leave it, it would take the exit statuses of our children
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    before = leading(PROGRAM, argv)
    log.take(before)
    if unsealed is not None:
        raise unsealed
    given = parse(PROGRAM, argv)
    if given.help:
        sys.stdout.write(usage(PROGRAM, given.verb))
        return 0
    if before.flag("version"):
        from runjd import __version__
        from runjd.spec.version import VERSION

        sys.stdout.write(f"runj version {__version__}\nspec: {VERSION}\n")
        return 0
    if not given.verb:
        raise BadArgument(f"no verb given; there are {', '.join(each.name for each in PROGRAM.verbs)}")
    if given.verb == "exec":
        log.failed = _EXEC_FAILED
    log.debug(f"called by user {os.geteuid()}: {' '.join(argv)}")
    return _carry_out(given, log)


def _carry_out(given: Given, log: Log) -> int:
    from runjd.cli.oci.call import Call as Made
    from runjd.cli.oci.table import PLACES
    from runjd.errors import Unsupported

    if given.value("rootless") == "true":
        raise Unsupported("", "--rootless=true is not supported: who is not root gets the plain runtime")
    module, function = PLACES[given.verb]
    carry_out: Callable[[Call], int] = getattr(__import__(f"runjd.cli.oci.{module}", fromlist=[function]), function)
    call = Made(given, log)
    try:
        return carry_out(call)
    finally:
        call.tell_warnings()
