"""The verb about the files of logs: log."""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.protocols.control.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.ctl.call import Call

_DEEDS = ("rotate", "reopen")


def log(call: Call) -> int:
    """Have the files of logs rotated or reopened."""
    deed = call.given.argument("DEED")
    if deed not in _DEEDS:
        raise BadArgument(f'log cannot "{deed}"; there is {", ".join(_DEEDS)}; what a jail wrote is shown by logs')
    answer = call.client().ask(Request("1", "LOG", (deed, *call.given.words("ID"))))
    if call.is_json:
        call.put_json({"n": int(answer.fields["n"])})
    return 0
