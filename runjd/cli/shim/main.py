"""
containerd-shim-runj-v1: what containerd runs, twice for each container.

All it does takes a few milliseconds, so each of its verbs loads only what it needs, and none loads Twisted.
"""

from __future__ import annotations

import gc
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.cli.shim.flags import Flags

_NAME = "containerd-shim-runj-v1"
_HELP = f"""\
usage: {_NAME} -namespace NAME -address SOCKET -id ID [-bundle DIRECTORY] [-debug] start | delete
       {_NAME} -info | -v

containerd runs this; see {_NAME}(8). Flags of containerd that have no effect here:
-publish-binary, -socket, -debug-socket, -debug.
"""
#: that many modules may be missing in the pack of a sort of call, before it is worth 30 ms to make it anew
_FEW = 8


def main(arguments: Sequence[str]) -> int:
    """
    Run one command.

    :param arguments: the words behind the program's name.
    :return: the exit status: 0, 64 for a command line that makes no sense, else that of the error.
    """
    gc.disable()
    from runjd.bytecode import installed
    from runjd.light_os import lighten_os

    lighten_os()
    finder = installed()
    # a relay lives too long to have all of a pack in its memory
    if finder is None or "relay" in arguments:
        return _main(arguments)
    finder.take("shim")
    try:
        return _main(arguments)
    finally:
        if finder.missed > _FEW and not sys.dont_write_bytecode:
            from runjd.pack import keep

            keep(finder, "shim")


def _main(arguments: Sequence[str]) -> int:
    from runjd.cli.shim.flags import parse
    from runjd.errors import RunjdError

    try:
        _write(_answer(parse(arguments)))
        return 0
    except RunjdError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error), 74)


def _answer(flags: Flags) -> bytes:
    """Do what is asked for, and return what it writes."""
    from runjd.errors import BadArgument

    if {"help", "h"} & flags.switches:
        return _HELP.encode()
    if "v" in flags.switches:
        from runjd.cli.shim.info import version

        return version().encode()
    if "info" in flags.switches:
        from runjd.cli.shim.info import info

        return info()
    (verb, *_) = flags.words or ("",)
    if verb == "start":
        from runjd.cli.shim.start import start

        return start(flags, posix.environ, _program()).encode("utf-8", "surrogateescape")
    if verb == "delete":
        from runjd.cli.shim.delete import delete

        return delete(flags, posix.environ)
    if verb == "relay":
        gc.enable()
        from runjd.cli.shim.relay import relay

        relay(flags, sys.argv[0])
        return b""
    raise BadArgument(f"{verb} is no verb; -help shows those there are" if verb else "a verb is missing, as start")


def _program() -> list[str]:
    """Return how we were started, without our arguments."""
    return [sys.executable, *sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]]


def _write(data: bytes) -> None:
    while data:
        data = data[posix.write(1, data) :]


def _fail(reason: str, status: int) -> int:
    posix.write(2, f"{_NAME}: {reason}\n".encode("utf-8", "backslashreplace"))
    return status
