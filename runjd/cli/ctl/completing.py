"""The verb for shells: completion."""

from __future__ import annotations

import os

from runjd.cli.completion import candidates
from runjd.cli.ctl.shells import SCRIPTS
from runjd.cli.ctl.table import PROGRAM
from runjd.cli.output import visible
from runjd.errors import BadArgument, RunjdError
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runjd.cli.ctl.call import Call
    from runjd.cli.options import Program

_RUNJ_ROOT = "/var/run/runj"


def completion(call: Call) -> int:
    """Write the script of a shell, or what may stand in the place of the last word."""
    shell, words = call.given.argument("SHELL"), call.given.words("WORD")
    if shell == "words" and words:
        return _write_candidates(call, words[0], words[1:])
    if shell not in SCRIPTS or words:
        raise BadArgument(f'there is no completion for "{shell}"; there is one for {", ".join(SCRIPTS)}')
    call.out.write(SCRIPTS[shell])
    return 0


def _write_candidates(call: Call, program: str, words: Sequence[str]) -> int:
    """Write them, a line each; nothing goes wrong here that somebody who presses a key should see."""
    table: Program = PROGRAM
    ids = lambda: _jails(call)  # noqa: E731
    if program == "runj":
        from runjd.cli.oci.table import PROGRAM as RUNJ

        table, ids = RUNJ, _containers
    for each in candidates(table, words, ids):
        call.out.line(f"{visible(each.word)}\t{each.text}".rstrip())
    return 0


def _jails(call: Call) -> Iterable[str]:
    try:
        return [each.get("jail", "") for each in call.client().ask(Request("", "LIST")).records]
    except RunjdError:
        return ()


def _containers() -> Iterable[str]:
    try:
        return [name for name in os.listdir(_RUNJ_ROOT) if not name.startswith(".")]
    except OSError:
        return ()
