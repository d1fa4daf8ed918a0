"""How this process is run: what is executed again where another version shall take its place."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: what :mod:`runjd.runtime.sealed` puts in where it starts a program over
_SEALED = ["-X", "runjd-sealed"]


def own_program(arguments: Sequence[str]) -> list[str]:
    """
    Return the path of the program, as it was called: whatever is installed there later is the version to upgrade to.

    :param arguments: its own ones; where it is no file of its own, it is run as it was.
    """
    called = os.path.abspath(sys.argv[0]) if sys.argv[0] else ""
    return [called] if os.access(called, os.X_OK) and os.path.isfile(called) else own_command(arguments)


def own_command(arguments: Sequence[str]) -> list[str]:
    """Return the interpreter and what it was told to run, without the program's own arguments."""
    command = sys.orig_argv[: len(sys.orig_argv) - len(arguments)]
    if command[1:3] == _SEALED:
        del command[1:3]
    return [command[0] if command[0].startswith("/") else sys.executable, *command[1:]]
