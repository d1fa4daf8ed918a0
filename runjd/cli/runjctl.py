"""
``runjctl``, runjctl(8): the client of the control protocol for people and scripts.

Each verb is a function of a module of :mod:`runjd.cli.ctl` that is imported when
it is called: what one verb needs does not slow down the others.
"""

from __future__ import annotations

import errno
import os

from runjd import __version__
from runjd.cli.ctl.call import Call
from runjd.cli.ctl.signals import Interrupted, die_by
from runjd.cli.ctl.table import PASSING, PLACES, PROGRAM
from runjd.cli.options import Given, parse, usage
from runjd.cli.output import Output, standard, to_json, visible
from runjd.errors import BadArgument, InputOutput, RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal

#: our own failure where the status is otherwise the program's: as docker(1) and env(1) have it
OWN_FAILURE, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127


def main(argv: list[str]) -> int:
    """
    Carry out one command line.

    :param argv: without the program's name.
    :return: the exit status, see EXIT STATUS in runjctl(8).
    """
    _open_standard_descriptors()
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    out, err = Output(1), Output(2)
    given = Given("", {}, {})
    try:
        given = parse(PROGRAM, argv)
        colour = given.value("color", "auto")
        out, err = standard(1, os.environ, colour), standard(2, os.environ, colour)
        return _carry_out(given, out, err)
    except RunjdError as error:
        return _fail(error, _verb_of(given, argv), "--json" in argv, err)
    except Interrupted as interrupted:
        return die_by(interrupted.signum)
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read us has seen enough
            return die_by(_signal.SIGPIPE)
        name = f"{error.filename}: " if error.filename else ""
        failure = InputOutput(f"{name}{os.strerror(error.errno or 0)}")
        return _fail(failure, given.verb, given.flag("json"), err)


def exit_status(error: RunjdError, verb: str) -> int:
    """Return the exit status of a failure of the verb."""
    if verb not in PASSING:
        return error.exit_status
    if not error.details.get("path", "").startswith("process.args"):
        return OWN_FAILURE  # a root, a directory or a mount that is missing is not the program
    return {
        str(errno.ENOENT): NOT_FOUND,
        str(errno.EACCES): NOT_EXECUTABLE,
        str(errno.ENOEXEC): NOT_EXECUTABLE,
        str(errno.EISDIR): NOT_EXECUTABLE,
    }.get(error.details.get("errno", ""), OWN_FAILURE)


def _carry_out(given: Given, out: Output, err: Output) -> int:
    if given.flag("version"):
        out.line(f"runjctl {__version__}")
        return 0
    if given.help:
        out.write(usage(PROGRAM, given.verb))
        return 0
    if not given.verb:
        raise BadArgument('a verb is missing; "runjctl help" lists them')
    module, function = PLACES[given.verb]
    carry_out: Callable[[Call], int] = getattr(
        __import__(f"runjd.cli.ctl.{module}", fromlist=[function]),
        function,
    )
    call = Call(given, out, err, os.environ)
    try:
        return carry_out(call)
    finally:
        call.close()


def _fail(error: RunjdError, verb: str, is_json: bool, err: Output) -> int:
    try:
        if is_json:
            err.write(to_json(error.to_record()) + "\n")
        else:
            err.write(f"{err.styled('runjctl:', 'bad')} {visible(error.message)}\n")
    except OSError:
        pass  # nobody can be told
    return exit_status(error, verb)


def _verb_of(given: Given, argv: list[str]) -> str:
    """Return the verb, also of a command line that could not be read as a whole."""
    return given.verb or next((word for word in argv if word in PASSING), "")


def _open_standard_descriptors() -> None:
    """Fill 0, 1 and 2 where they are closed, lest the daemon's connection becomes somebody's standard output."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if fd == 0 else os.O_WRONLY)
